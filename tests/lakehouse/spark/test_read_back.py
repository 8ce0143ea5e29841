from __future__ import annotations

from contextlib import ExitStack

import pyarrow as pa
import pytest

from lakehouse.embedded.row_hash import digest_of, hash_rows
from lakehouse.engine import Write
from lakehouse.spark import checked_rows
from lakehouse.spark.read_back import differing_row, stored_digest
from tests.lakehouse.embedded.test_read_back import KEYED, LOOSE, MADE
from tests.lakehouse.spark.test_layout import MARKS

SCHEMA = pa.schema([(column.name, column.type) for column in KEYED.columns])


def rows(*pairs):
    return pa.table(list(zip(*pairs, strict=True)), schema=SCHEMA)


@pytest.fixture
def compare(spark):
    """Return a function that compares rows with those that were made."""

    def compare(table, stored, mode="append"):
        with ExitStack() as stack:
            made = spark.createDataFrame(rows(*MADE)).selectExpr("*", *MARKS)
            write = Write(mode, checked_rows.check(table, made, stack))
            return differing_row(spark, table, write, rows(*stored))

    return compare


def test_rows_are_compared_by_key_and_hash(compare):
    assert compare(KEYED, MADE[::-1]) is None
    assert compare(KEYED, [("a", 1), ("b", None)]) == {"id": "b"}
    assert compare(KEYED, [("a", 1), ("c", 2)]) == {"id": "c"}
    assert compare(KEYED, [("old", 7), ("a", 1)], "merge") is None
    assert compare(KEYED, [("old", 7), ("a", 2)], "merge") == {"id": "a"}


def test_rows_without_a_key_are_compared_by_hash(compare):
    assert compare(LOOSE, [*MADE, MADE[0]]) is None
    assert compare(LOOSE, [("b", 1)]) == {}


def test_the_digest_of_stored_rows_is_the_embedded_engines(spark):
    stored = rows(*MADE)
    assert stored_digest(KEYED, spark.createDataFrame(stored)) == digest_of(*hash_rows(KEYED, stored))
