from __future__ import annotations

from contextlib import ExitStack

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.content_digest import HIGH, LOW, Digest
from lakehouse.engine import KeyRange
from lakehouse.spark.key_diff import difference
from lakehouse.spark.row_hash import hash_columns
from lakehouse.spark.rows_to_write import ACTION

TABLE = Table(
    "silver.things",
    doc="Things.",
    columns=[Column("id", pa.string(), "Identity."), Column("n", pa.int64(), "Number.")],
    key=["id"],
)


def digest(rows):
    hashes = rows.select(*hash_columns(TABLE)).collect()
    return sum((Digest.of(1, row[HIGH], row[LOW]) for row in hashes), Digest())


def test_rows_are_inserted_updated_and_deleted_by_key_and_digests_add_up(spark):
    stored = spark.createDataFrame([("a", 1), ("b", 2), (None, 3), ("d", 4)], "id string, n long")
    new = spark.createDataFrame([("a", 1), ("b", 9), (None, 3), ("e", 5)], "id string, n long")
    with ExitStack() as stack:
        found = difference(TABLE, new.select("*", *hash_columns(TABLE)), stored, stack)
        changed = {(row["id"], row[ACTION], row["n"]) for row in found.rows.collect()}
    assert changed == {("b", "U", 9), ("d", "D", None), ("e", "I", 5)}
    assert (found.inserted, found.updated, found.deleted, found.empty) == (1, 1, 1, False)
    assert digest(stored) + found.gained - found.lost == digest(new)
    assert found.key_ranges == {"id": KeyRange("b", "e")}


def test_equal_rows_are_no_difference(spark):
    rows = spark.createDataFrame([("a", 1)], "id string, n long")
    with ExitStack() as stack:
        found = difference(TABLE, rows.select("*", *hash_columns(TABLE)), rows, stack)
    assert found.empty
    assert found.key_ranges == {}
