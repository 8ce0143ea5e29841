from __future__ import annotations

import functools
from dataclasses import dataclass

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow
from lakehouse.errors import FlowError
from tests.lakehouse.flows import flow_of

TABLE = Table(
    "acme.a", doc="Rows.", columns=[Column("sample_id", pa.string(), "Identity.", lineage=True)], key=["sample_id"]
)


@dataclass(frozen=True)
class Params:
    least: int = 1


def rows(batch, params):
    return batch


def declare(function=rows, **values):
    return flow(**{"writes": TABLE, "reads": {"rows": TABLE}, **values})(function)


def test_a_declaration_is_attached_to_the_function():
    def own(batch, params):
        """Return rows.

        All of them.
        """
        return batch

    assert declare(own, params=Params, tags=["a"], spark={"spark.sql.ansi.enabled": "true"}) is own
    spec = flow_of(own)
    assert (spec.id, spec.rows, spec.driving, spec.doc) == (f"{__name__}.own", "one-to-one", "rows", "Return rows.")
    assert spec.place == f"{__file__}:{own.__code__.co_firstlineno}"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"writes": "acme.c"}, "writes is 'acme.c', which must be a Table"),
        ({"reads": {"rows": 5}}, "reads is {'rows': 5}"),
        ({"reads": {"a b": TABLE}}, "must be a mapping of argument names to tables"),
        ({"kind": "fram"}, "kind is 'fram', which must be 'operator', 'group', 'relational', 'landing' or 'frame'"),
        ({"refresh": "mrge"}, "refresh is 'mrge', which must be 'full' or 'merge'"),
        ({"rows": "all"}, "rows is 'all'"),
        ({"batch_rows": "z"}, "batch_rows is 'z', which must be a whole number from 1"),
        ({"batch_rows": 0}, "batch_rows is 0"),
        ({"batch_rows": True}, "batch_rows is True"),
        ({"reject_tolerance": 9}, "reject_tolerance is 9, which must be a number from 0 to 1"),
        ({"reject_tolerance": float("nan")}, "reject_tolerance is nan"),
        ({"params": Params()}, "must be a dataclass"),
        ({"params": dict}, "must be a dataclass"),
        ({"source_key": ""}, "source_key is ''"),
        ({"source_key_sql": None}, "source_key_sql is None"),
        ({"external": "now"}, "external is 'now', which must be a function"),
        ({"models": {}}, "models is {}"),
        ({"tags": "clean"}, "tags is 'clean', which must be a list of texts"),
        ({"spark": ["a"]}, "spark is ['a']"),
        ({"id": "acme f\n"}, "id is 'acme f\\n', which must be letters, digits"),
        ({"id": "acme.f,acme.g"}, "id is 'acme.f,acme.g'"),
        ({"driving": "others"}, "driving names 'others'"),
        ({"kind": "frame", "reads": {}, "refresh": "merge"}, "refreshes by merge without an input"),
        ({"reads": None}, "is an operator without an input"),
        ({"kind": "group"}, "is a group flow, which has one input and group_by"),
        ({"group_by": ["a"]}, "group_by is for group flows"),
        ({"kind": "relational"}, "has an argument 'batch', which a relational flow is not given"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_meant_is_refused_with_the_place(values, says):
    with pytest.raises(FlowError) as raised:
        declare(**values)
    assert says in raised.value.message
    assert raised.value.place == f"{__file__}:{rows.__code__.co_firstlineno}"
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "function", [Params, functools.partial(rows), "rows", None], ids=lambda value: type(value).__name__
)
def test_what_is_not_a_function_is_refused(function):
    with pytest.raises(FlowError, match="which is not a function"):
        declare(function)
