"""What a commit has to change: the difference between new rows and held rows, by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.execute.content_digest import HIGH, LOW, Digest, hash_columns
from lakehouse.spark.delta_writer import ACTION
from lakehouse.spark.key_range import Span, measures, span_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Difference:
    """Changed rows.

    Args:
        rows: Contract columns and ``_action``: I, U or D.
        inserted: Rows by action.
        updated: Likewise.
        deleted: Likewise.
        gained: Digest of the rows that come in.
        lost: Digest of the rows that go out.
        spans: Where the changed keys lie, by column, where that is known.
    """

    rows: DataFrame
    inserted: int
    updated: int
    deleted: int
    gained: Digest
    lost: Digest
    spans: Mapping[str, Span] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.inserted or self.updated or self.deleted)


@contextmanager
def difference(table: Table, new: DataFrame, held: DataFrame) -> Iterator[Difference]:
    """Compare rows by key.

    Args:
        table: The contract; it has a key.
        new: Wanted rows with the hash columns.
        held: Rows now in the table, of which those not wanted are deleted.
    """
    from pyspark import StorageLevel
    from pyspark.sql import functions as F

    keys = list(table.key)
    wanted = new.select(*keys, F.col(HIGH).alias("_new_high"), F.col(LOW).alias("_new_low"))
    present = held.select(*keys, *hash_columns(table)).select(
        *[F.col(key).alias(f"_held_{key}") for key in keys],
        F.col(HIGH).alias("_old_high"),
        F.col(LOW).alias("_old_low"),
    )
    joined = wanted.join(present, [F.col(key).eqNullSafe(F.col(f"_held_{key}")) for key in keys], "full_outer")
    action = (
        F.when(F.col("_old_high").isNull(), F.lit("I"))
        .when(F.col("_new_high").isNull(), F.lit("D"))
        .when((F.col("_new_high") != F.col("_old_high")) | (F.col("_new_low") != F.col("_old_low")), F.lit("U"))
    )
    hashes = ("_new_high", "_new_low", "_old_high", "_old_low")
    changed = (
        joined.select(
            *[F.coalesce(F.col(k), F.col(f"_held_{k}")).alias(k) for k in keys], *hashes, action.alias(ACTION)
        )
        .where(F.col(ACTION).isNotNull())
        .persist(StorageLevel.DISK_ONLY)
    )
    try:
        sums = [F.sum(F.col(name).cast("decimal(20,0)")).alias(name) for name in hashes]
        ends = [measure for key in keys for measure in measures(key)]
        found = changed.groupBy(ACTION).agg(F.count(F.lit(1)).alias("n"), *sums, *ends).collect()
        groups = {row[ACTION]: row.asDict() for row in found}
        counts = {name: int(groups[name]["n"]) if name in groups else 0 for name in "IUD"}
        gained, lost = Digest(), Digest()
        for name, group in groups.items():
            if name in "IU":
                gained += Digest.of(group["n"], group["_new_high"], group["_new_low"])
            if name in "UD":
                lost += Digest.of(group["n"], group["_old_high"], group["_old_low"])
        rows = changed.select(*keys, ACTION).join(new.drop(HIGH, LOW), keys, "left")
        spans = {key: span for key in keys if (span := span_of(key, *groups.values())) is not None}
        yield Difference(rows, counts["I"], counts["U"], counts["D"], gained, lost, spans)
    finally:
        changed.unpersist()
