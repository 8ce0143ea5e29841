from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from lakehouse.declare.portable_expression import NotPortableError
from lakehouse.embedded.conditions import Expressions, open_database
from lakehouse.errors import FlowError

TYPES = {"n": pa.int32(), "Select": pa.string(), "parents": pa.list_(pa.string()), "keep": pa.bool_()}
ROWS = pa.record_batch(
    {
        "n": pa.array([1, None, 3], pa.int32()),
        "Select": ["it's", None, "𝔸"],
        "parents": pa.array([["a"], [], None], pa.list_(pa.string())),
        "keep": [True, None, False],
    }
)


@pytest.fixture
def database(tmp_path):
    opened = open_database(str(tmp_path / "it's"), "1GB")
    yield opened
    opened.close()


def test_values_come_in_the_order_of_rows(database):
    sql = ["n + 1", "coalesce(get(parents, 0), `select`)", "null"]
    values = Expressions(database, sql, TYPES).values(ROWS)
    assert [found.to_pylist() for found in values] == [[2, None, 4], ["a", None, "𝔸"], [None] * 3]
    many = pa.record_batch({"n": pa.array(range(300_000), pa.int32())})
    assert Expressions(database, ["n"], TYPES).values(many)[0].equals(many.column(0))


def test_no_rows_and_no_expressions_are_no_trouble(database):
    none = Expressions(database, ["n", "keep"], TYPES).values(ROWS.slice(0, 0))
    assert [(len(found), found.type) for found in none] == [(0, pa.int32()), (0, pa.bool_())]
    assert Expressions(database, [], TYPES).values(ROWS) == []
    assert Expressions(database, [], TYPES).masks(ROWS) == []


def test_a_null_does_not_fulfil_a_condition(database):
    held = Expressions(database, ["n > 1", "not n > 1", "keep", "null", "n is null"], TYPES).masks(ROWS)
    assert [mask.to_pylist() for mask in held] == [
        [False, False, True], [True, False, False], [True, False, False], [False] * 3, [False, True, False],
    ]  # fmt: skip


def test_what_is_no_condition_is_refused(database):
    with pytest.raises(FlowError, match="'n' is int32, not a condition"):
        Expressions(database, ["n"], TYPES).masks(ROWS)
    with pytest.raises(NotPortableError):
        Expressions(database, ["upper(`select`) = 'A'"], TYPES)


def test_the_database_reads_no_file_and_keeps_its_settings(database, tmp_path):
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(duckdb.PermissionException):
        database.sql(f"SELECT * FROM '{tmp_path}/x.csv'").fetchall()
    with pytest.raises(duckdb.InvalidInputException):
        database.execute("SET enable_external_access = true")
    rows = ROWS  # noqa: F841 - a variable of Python that a query must not see
    with pytest.raises(duckdb.CatalogException):
        database.sql("SELECT * FROM rows").fetchall()
