"""The steps of relational flows on both engines, without a lake."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from lakehouse.declare.flow import Flow
from lakehouse.embedded.conditions import open_database
from lakehouse.embedded.relations import EmbeddedRelations
from lakehouse.engine import Call
from lakehouse.spark.relations import SparkRelations
from schemas.mixture import mixture

ENGINES = ("embedded", "spark")
FLOW = Flow(id="tests.flow", kind="relational", writes=mixture, reads={})


@pytest.fixture(scope="module")
def embedded_relations(tmp_path_factory):
    folder = tmp_path_factory.mktemp("relations")
    database = open_database(str(folder), "1GB")
    yield EmbeddedRelations(None, FLOW, Call(None, {}, -1), database, folder)
    database.close()


@pytest.fixture(scope="module", params=ENGINES)
def relations(request):
    """The steps on one engine after the other."""
    if request.param == "embedded":
        yield request.getfixturevalue("embedded_relations")
        return
    with ExitStack() as stack:
        yield SparkRelations(request.getfixturevalue("spark").newSession(), FLOW, {}, stack)
