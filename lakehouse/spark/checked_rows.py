"""Compute a flow's conformed rows once, and count, sum up and sample them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT
from lakehouse.delta.content_digest import HIGH, LOW, Digest
from lakehouse.engine import OTHER_REASONS, CheckedRows
from lakehouse.engine.rules import BROKEN, REASON, first_check
from lakehouse.spark.row_hash import hash_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_MAX_REASONS = 50


def check(table: Table, conformed: DataFrame, stack: ExitStack) -> CheckedRows:
    """Compute rows once and count them by reason, sum up their hashes and count distinct keys, in one pass.

    Args:
        table: The contract.
        conformed: Rows with its columns and ``_reject``.
        stack: Releases the rows, which are kept on the workers' disks.
    """
    from pyspark import StorageLevel
    from pyspark.sql import functions as F

    rows = conformed.select("*", *hash_columns(table)).persist(StorageLevel.DISK_ONLY)
    stack.callback(rows.unpersist)
    by_check = F.coalesce(F.get(BROKEN, F.lit(0)) >= first_check(table), F.lit(False)).alias("by_check")
    measures = [F.count(F.lit(1)).alias("n")]
    measures.extend(F.sum(F.col(name).cast("decimal(20,0)")).alias(name) for name in (HIGH, LOW))
    if table.key:
        key = [F.when(F.isnull(REJECT), F.col(f"`{name}`")) for name in table.key]
        measures.append(F.count_distinct(*key).alias("keys"))
    reason = F.col(REASON).alias("reason")
    ordered = rows.groupBy(reason, by_check).agg(*measures).orderBy(F.isnotnull("reason"), F.desc("n"), "reason")
    # The good rows, the reasons that are named, and one more where there are others.
    groups = ordered.limit(_MAX_REASONS + 2).collect()
    digest, keys = Digest(), 0
    if groups and groups[0]["reason"] is None:
        first = groups.pop(0)
        digest = Digest.of(first["n"], first[HIGH], first[LOW])
        keys = first["keys"] if table.key else 0
    reasons, unchecked = Counter[str](), Counter[str]()
    for group in groups[:_MAX_REASONS]:
        reasons[group["reason"]] += group["n"]
        unchecked[group["reason"]] += 0 if group["by_check"] else group["n"]
    if len(groups) > _MAX_REASONS:
        others = rows.where(F.isnotnull(REJECT)).agg(F.count(F.lit(1)), F.count_if(~by_check)).collect()[0]
        reasons[OTHER_REASONS] = others[0] - sum(reasons.values())
        unchecked[OTHER_REASONS] = others[1] - sum(unchecked.values())
    broken = _broken(table, rows) if reasons else {}
    return CheckedRows(rows, digest, dict(reasons), keys, broken=broken, unchecked=+unchecked)


def _broken(table: Table, rows: DataFrame) -> dict[str, int]:
    """Return how many rows break each check."""
    from pyspark.sql import functions as F

    if not table.checks:
        return {}
    first = first_check(table)
    places = range(first, first + len(table.checks))
    counts = rows.agg(*(F.count_if(F.array_contains(BROKEN, place)) for place in places)).collect()[0]
    return {check.name: count for check, count in zip(table.checks, counts, strict=True) if count}


def good(checked: CheckedRows) -> DataFrame:
    """Return the rows that satisfy the contract, with the hash columns."""
    rows: DataFrame = checked.rows.where(f"{REJECT} IS NULL")
    return rows


def rejected(checked: CheckedRows) -> DataFrame:
    """Return the rows that do not."""
    rows: DataFrame = checked.rows.where(f"{REJECT} IS NOT NULL")
    return rows


def cached_bytes(rows: DataFrame) -> int:
    """Return the bytes of rows as they are cached."""
    plan = rows._jdf.queryExecution().optimizedPlan()  # noqa: SLF001 - no public way
    return int(plan.stats().sizeInBytes())


def rejected_examples(checked: CheckedRows, rule_or_reason: int | str, limit: int) -> list[Mapping[str, Any]]:
    """Return the values of some rows that break a rule, given by its place, or that were rejected for a reason."""
    from pyspark.sql import functions as F

    if isinstance(rule_or_reason, str):
        chosen = F.col(REASON) == F.lit(rule_or_reason)
    else:
        chosen = F.array_contains(BROKEN, rule_or_reason)
    # Texts, numbers and booleans, and lists of them: Python has no times outside the years 1 to 9999, for which rows
    # may be rejected.
    plain = ("string", "boolean", "tinyint", "smallint", "int", "bigint", "float", "double")
    internal = {HIGH, LOW, REASON, BROKEN}
    kinds = {name: kind.replace("array<", "").rstrip(">") for name, kind in checked.rows.dtypes if name not in internal}
    names = [name for name, kind in kinds.items() if kind in plain]
    found = rejected(checked).where(chosen).select(*(F.col(f"`{name}`") for name in names)).limit(limit).collect()
    return [row.asDict() for row in found]


def rows_with_duplicate_keys(table: Table, stored: DataFrame) -> int:
    """Return how many rows a table holds where some share a key, 0 where none do."""
    from pyspark.sql import functions as F

    counts = stored.agg(
        F.count(F.lit(1)).alias("n"), F.count_distinct(*[F.col(f"`{k}`") for k in table.key]).alias("k")
    )
    rows, keys = counts.collect()[0]
    return int(rows) if rows != keys else 0
