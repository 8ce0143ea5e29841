"""Compare stored rows with those that were committed, by their hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.delta.content_digest import HIGH, LOW, Digest
from lakehouse.engine import Write
from lakehouse.spark.checked_rows import good
from lakehouse.spark.delta_reader import spark_schema
from lakehouse.spark.row_hash import hash_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def stored_digest(table: Table, stored: DataFrame) -> Digest:
    """Return the content digest of some stored rows."""
    from pyspark.sql import functions as F

    sums = [F.sum(F.col(name).cast("decimal(20,0)")) for name in (HIGH, LOW)]
    row = stored.select(*hash_columns(table)).agg(F.count(F.lit(1)), *sums).collect()[0]
    return Digest.of(*row)


def differing_row(session: SparkSession, table: Table, write: Write, read: pa.Table) -> Mapping[str, Any] | None:
    """Return the key of a row that was read and is not the committed one of that key; None where there is none.

    Args:
        session: The flow's session.
        table: The contract.
        write: What was committed.
        read: Some rows as they are read, with the key and the columns of which hashes are made.
    """
    from pyspark.sql import functions as F

    if not read.num_rows:
        return None
    stored = session.createDataFrame(read, spark_schema(read.schema)).select(*table.key, *hash_columns(table))
    keys = list(table.key) or [HIGH, LOW]
    names = list(dict.fromkeys([*keys, HIGH, LOW]))
    made = good(write.checked).select(*(F.col(name).alias(f"_made_{name}") for name in names))
    same = [F.col(name).eqNullSafe(F.col(f"_made_{name}")) for name in keys]
    high, low = F.col(f"_made_{HIGH}"), F.col(f"_made_{LOW}")
    wrong = (F.col(HIGH) != high) | (F.col(LOW) != low)
    # A merge copies rows of other keys from the files that it replaces.
    wrong = F.coalesce(wrong, F.lit(write.mode != "merge"))
    # The few rows that were read go to all tasks, which look the committed rows up in them.
    few = made.join(F.broadcast(stored), same, "left_semi")
    found = stored.join(few, same, "left").where(wrong).select(*table.key).limit(1).collect()
    return found[0].asDict() if found else None
