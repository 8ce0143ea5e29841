from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.embedded.conditions import open_database
from lakehouse.embedded.row_origins import RowOrigins
from lakehouse.engine.keys import KeyOrigins
from tests.lakehouse.embedded.embedded_lakes import batch, operator

TABLE = Table(
    "silver.parts",
    doc="Parts.",
    columns=[Column("id", pa.string(), "Id."), Column("parent_ids", pa.list_(pa.string()), "Parents.")],
    key=["id"],
)
FIRST = operator(TABLE, source_key_sql="get(parent_ids, 0)")
ROWS = batch(TABLE, [("a", ["u1"]), ("b", ["u2", "u9"]), ("c", None)], None, None, "bad: c")


@pytest.fixture
def database(tmp_path):
    with open_database(str(tmp_path), "100MB") as opened:
        yield opened


def test_origins_are_a_column_or_an_expression(database):
    assert RowOrigins(FIRST, database).of(ROWS).to_pylist() == ["u1", "u2", None]
    assert RowOrigins(operator(TABLE, source_key_sql="id"), database).of(ROWS).to_pylist() == ["a", "b", "c"]
    assert RowOrigins.columns(FIRST) == ["parent_ids"]
    assert RowOrigins.columns(operator(TABLE, source_key_sql="id")) == ["id"]


def test_a_row_of_an_origin_that_was_not_given_is_found(database):
    origins = RowOrigins(FIRST, database)
    assert origins.foreign([ROWS], pa.chunked_array([["u1"], ["u2"]])) is None
    assert origins.foreign([ROWS, ROWS], pa.chunked_array([["u1"]])) == KeyOrigins({"id": "b"}, ["u2"])
    assert origins.foreign([], pa.chunked_array([["u1"]])) is None


def test_a_good_row_without_an_origin_is_foreign_unless_null_was_given(database):
    good = batch(TABLE, [("c", None)])
    assert RowOrigins(FIRST, database).foreign([good], pa.chunked_array([["u1"]])) == KeyOrigins({"id": "c"}, [None])
    assert RowOrigins(FIRST, database).foreign([good], pa.chunked_array([["u1", None]])) is None
