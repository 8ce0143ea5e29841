from __future__ import annotations

import dataclasses

import pytest

from lakehouse.declare.flow import Flow
from lakehouse.declare.reads import read, tagged
from lakehouse.engine.relation_checks import order_expressions, whole_input
from lakehouse.errors import FlowError
from schemas.mixture import mixture

FLOW = Flow(id="acme.flow", kind="relational", writes=mixture, reads={})


@pytest.mark.parametrize("text", ["id DESC", "id asc", "reverse(id) NULLS FIRST"])
def test_a_direction_is_refused_since_spark_takes_it_for_an_alias(text):
    with pytest.raises(FlowError, match="order_by has"):
        order_expressions(FLOW, ["id", text])


def test_expressions_are_taken():
    assert order_expressions(FLOW, ["hash", "reverse(sample_id)"]) == ["hash", "reverse(sample_id)"]


@pytest.mark.parametrize(
    "item", [read("a.b", columns=["id"]), tagged("media", columns=["id", "_table"], where="id > 'b'")]
)
def test_files_are_asked_for_of_whole_inputs_with_their_tables_names(item):
    with pytest.raises(FlowError, match="asks for the data files of media"):
        whole_input(dataclasses.replace(FLOW, reads={"media": item}), "media")
    whole = tagged("media", columns=["id", "_table"])
    assert whole_input(dataclasses.replace(FLOW, reads={"media": whole}), "media") == whole
