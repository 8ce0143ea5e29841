"""Find what a commit has to change: the difference between new and stored rows, by key."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.delta.content_digest import HIGH, LOW, Digest
from lakehouse.engine import Difference
from lakehouse.spark.key_range import key_range, range_aggregates
from lakehouse.spark.row_hash import hash_columns
from lakehouse.spark.rows_to_write import ACTION

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def difference(table: Table, new: DataFrame, stored: DataFrame, stack: ExitStack) -> Difference:
    """Compare rows by key.

    Args:
        table: The contract; it has a key.
        new: The wanted rows with the hash columns.
        stored: Rows of the table, of which those not wanted are deleted.
        stack: Releases the changed keys, which are kept on the workers' disks.
    """
    from pyspark import StorageLevel
    from pyspark.sql import functions as F

    keys = list(table.key)
    wanted = new.select(*keys, F.col(HIGH).alias("_new_high"), F.col(LOW).alias("_new_low"))
    present = stored.select(*keys, *hash_columns(table)).select(
        *[F.col(key).alias(f"_stored_{key}") for key in keys],
        F.col(HIGH).alias("_old_high"),
        F.col(LOW).alias("_old_low"),
    )
    joined = wanted.join(present, [F.col(key).eqNullSafe(F.col(f"_stored_{key}")) for key in keys], "full_outer")
    action = (
        F.when(F.col("_old_high").isNull(), F.lit("I"))
        .when(F.col("_new_high").isNull(), F.lit("D"))
        .when((F.col("_new_high") != F.col("_old_high")) | (F.col("_new_low") != F.col("_old_low")), F.lit("U"))
    )
    hashes = ("_new_high", "_new_low", "_old_high", "_old_low")
    changed = (
        joined.select(
            *[F.coalesce(F.col(k), F.col(f"_stored_{k}")).alias(k) for k in keys], *hashes, action.alias(ACTION)
        )
        .where(F.col(ACTION).isNotNull())
        .persist(StorageLevel.DISK_ONLY)
    )
    stack.callback(changed.unpersist)
    sums = [F.sum(F.col(name).cast("decimal(20,0)")).alias(name) for name in hashes]
    # A MERGE's condition is recorded in the table's log, which must not contain payload values.
    ranged = [key for key in keys if not table.column(key).payload]
    bounds = [measure for key in ranged for measure in range_aggregates(key)]
    summed = changed.groupBy(ACTION).agg(F.count(F.lit(1)).alias("n"), *sums, *bounds).collect()
    groups = {row[ACTION]: row.asDict() for row in summed}
    counts = {name: int(groups[name]["n"]) if name in groups else 0 for name in "IUD"}
    gained, lost = Digest(), Digest()
    for name, group in groups.items():
        if name in "IU":
            gained += Digest.of(group["n"], group["_new_high"], group["_new_low"])
        if name in "UD":
            lost += Digest.of(group["n"], group["_old_high"], group["_old_low"])
    rows = changed.select(*keys, ACTION).join(new.drop(HIGH, LOW), keys, "left")
    ranges = {key: bound for key in ranged if (bound := key_range(key, *groups.values())) is not None}
    return Difference(rows, counts["I"], counts["U"], counts["D"], gained, lost, ranges)
