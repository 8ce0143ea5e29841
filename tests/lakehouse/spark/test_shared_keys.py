from __future__ import annotations

from contextlib import ExitStack

import pyarrow as pa
import pytest

from lakehouse.engine.keys import KeyOrigins
from lakehouse.spark import checked_rows, shared_keys
from lakehouse.spark.delta_reader import spark_schema
from tests.lakehouse.embedded.test_row_origins import FIRST, TABLE
from tests.lakehouse.spark.test_layout import MARKS

SCHEMA = spark_schema(pa.schema([(column.name, column.type) for column in TABLE.columns]))


@pytest.fixture
def rows(spark):
    """Return a function that makes rows."""
    return lambda *values: spark.createDataFrame(list(values), SCHEMA)


@pytest.fixture
def check(rows):
    """Return a function that makes checked rows."""
    with ExitStack() as stack:
        yield lambda *values: checked_rows.check(TABLE, rows(*values).selectExpr("*", *MARKS), stack)


def test_stored_rows_with_the_key_of_a_new_row_are_named_with_both_origins(rows, check):
    checked = check(("b", ["u3"]), ("n", ["u4"]))
    stored = rows(("a", ["u1"]), ("b", ["u2"]), ("z", ["u9"]))
    found = shared_keys.stored_rows(TABLE, checked, stored)
    assert [row["id"] for row in found.collect()] == ["b"]
    assert shared_keys.first_stored(FIRST, checked, found) == KeyOrigins({"id": "b"}, ["u3", "u2"])
    assert shared_keys.first_stored(FIRST, checked, found.limit(0)) is None


def test_a_key_that_several_rows_share_is_named_with_two_origins(check):
    found = shared_keys.duplicate_key(FIRST, check(("b", ["u3"]), ("b", ["u4"]), ("c", ["u5"])))
    assert (found.key, found.rows, sorted(found.origins)) == ({"id": "b"}, 2, ["u3", "u4"])


def test_a_row_of_an_origin_that_was_not_given_is_found(spark, check):
    checked = check(("a", ["u1"]), ("b", ["u2", "u1"]))
    given = spark.createDataFrame([("u1",), ("u2",)], "sample_id string")
    assert shared_keys.foreign_row(FIRST, checked, given) is None
    found = shared_keys.foreign_row(FIRST, checked, given.where("sample_id = 'u1'"))
    assert found == KeyOrigins({"id": "b"}, ["u2"])


def test_rows_of_other_keys_than_the_affected_ones_are_left_out(spark, rows):
    made = rows(("a", ["u1"]), ("b", ["u2"]), ("c", None))
    affected = spark.createDataFrame([("u1",)], "id string")
    assert [row["id"] for row in shared_keys.of_affected(FIRST, made, affected).collect()] == ["a"]
    marked = made.selectExpr("*", "if(id <> 'a', 'bad', null) AS _reject")
    # A rejected row need not say what it was made from.
    assert sorted(row["id"] for row in shared_keys.of_affected(FIRST, marked, affected).collect()) == ["a", "c"]
