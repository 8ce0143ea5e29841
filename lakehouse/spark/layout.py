"""Lay out rows for a commit: few rows in few files, ordered by the table's clustering columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.engine import Write
from lakehouse.spark import checked_rows
from lakehouse.spark.rows_to_write import ACTION, RowsToWrite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Cached bytes below which a file of its own is not worth a task, neither here nor where it is read.
_FILE_BYTES = 8 << 20


def arrange(table: Table, write: Write) -> RowsToWrite:
    """Return what is written, in its layout."""
    good = checked_rows.good(write.checked)
    if write.unchanged:
        return RowsToWrite("append", good.limit(0).coalesce(1))
    files = 1 + checked_rows.cached_bytes(good) // _FILE_BYTES
    if write.difference is None:
        return RowsToWrite(write.mode, _ordered(table, good, files))
    changed = write.difference
    if write.mode == "merge":
        return RowsToWrite("merge", changed.rows, changed.key_ranges)
    return RowsToWrite(write.mode, _ordered(table, changed.rows.drop(ACTION), files))


def _ordered(table: Table, rows: DataFrame, files: int) -> DataFrame:
    """Order rows by the table's clustering: never by one global sort.

    Spark leaves cached rows in as many partitions as the shuffle had that made them, however few they are.
    """
    columns = list(table.cluster_by)
    if not columns:
        return rows.coalesce(files)
    if files == 1:  # no ranges, which would be found by sampling
        return rows.coalesce(1).sortWithinPartitions(*columns)
    return rows.repartitionByRange(*columns).sortWithinPartitions(*columns)
