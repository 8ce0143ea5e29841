"""From what a flow returns to rows that may be committed: shaped, checked, counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.errors import CheckFailedError
from lakehouse.execute.content_digest import HIGH, LOW, Digest, hash_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_REASONS_KEPT = 50
OTHER = "other reasons"


@dataclass(frozen=True)
class Staged:
    """A flow's rows, computed once and held on the workers' disks.

    Args:
        rows: All rows with the contract's columns, ``_reject`` (null where good) and the hash columns.
        digest: Content digest of the good rows.
        reasons: Rejected rows by reason, up to the first colon of the reason.
        keys: Distinct keys of the good rows; 0 where the table has no key.
    """

    rows: DataFrame
    digest: Digest
    reasons: Mapping[str, int]
    keys: int = 0

    @property
    def good(self) -> DataFrame:
        """The rows that satisfy the contract."""
        return self.rows.where(f"{REJECT} IS NULL")

    @property
    def rejected(self) -> DataFrame:
        """The rows that do not."""
        return self.rows.where(f"{REJECT} IS NOT NULL")

    @property
    def size(self) -> int:
        """Bytes of the rows as they are held."""
        plan = self.good._jdf.queryExecution().optimizedPlan()  # noqa: SLF001 - no public way
        return int(plan.stats().sizeInBytes())


@contextmanager
def staged(flow: Flow, shaped: DataFrame, beside: int = 0) -> Iterator[Staged]:
    """Compute rows once, count them, and refuse what breaks more than is tolerated.

    Args:
        flow: The flow.
        shaped: Its rows.
        beside: Rows that the table holds and that are not computed again.

    Raises:
        CheckFailedError: If a check's or the flow's tolerance is exceeded, or a key is doubled.
    """
    from pyspark import StorageLevel

    rows = shaped.select("*", *hash_columns(flow.writes)).persist(StorageLevel.DISK_ONLY)
    try:
        found = _counted(flow.writes, rows)
        _within_tolerance(flow, found, beside)
        yield found
    finally:
        rows.unpersist()


def _counted(table: Table, rows: DataFrame) -> Staged:
    """Count rows by reason, sum up hashes and count distinct keys, all in one pass over the rows."""
    from pyspark.sql import functions as F

    reason = F.substring_index(F.col(REJECT), ":", 1).alias("reason")
    found = [F.count(F.lit(1)).alias("n")]
    found.extend(F.sum(F.col(name).cast("decimal(20,0)")).alias(name) for name in (HIGH, LOW))
    if table.key:
        key = [F.when(F.isnull(REJECT), F.col(f"`{name}`")) for name in table.key]
        found.append(F.count_distinct(*key).alias("keys"))
    ordered = rows.groupBy(reason).agg(*found).orderBy(F.isnotnull("reason"), F.desc("n"), "reason")
    # The good rows, the reasons that are kept, and one more where there are others.
    groups = ordered.limit(_REASONS_KEPT + 2).collect()
    digest, keys = Digest(), 0
    if groups and groups[0]["reason"] is None:
        good = groups.pop(0)
        digest = Digest.of(good["n"], good[HIGH], good[LOW])
        keys = good["keys"] if table.key else 0
    reasons = {group["reason"]: group["n"] for group in groups[:_REASONS_KEPT]}
    if len(groups) > _REASONS_KEPT:
        reasons[OTHER] = rows.where(F.isnotnull(REJECT)).count() - sum(reasons.values())
    return Staged(rows, digest, reasons, keys)


def _within_tolerance(flow: Flow, found: Staged, beside: int) -> None:
    """Refuse where a check's own tolerance, or the flow's over all other reasons together, is exceeded."""
    total = beside + found.digest.rows + sum(found.reasons.values())
    checks = {check.name: check for check in flow.writes.checks}
    for reason, count in found.reasons.items():
        check = checks.get(reason)
        if check is not None:
            allowed = max(check.tolerance, flow.reject_tolerance)
            if check.on_fail == "fail" or count > allowed * total:
                raise _refused(flow, found, reason, count, total)
    others = {reason: count for reason, count in found.reasons.items() if reason not in checks}
    if sum(others.values()) > flow.reject_tolerance * total:
        raise _refused(flow, found, max(others, key=lambda reason: others[reason]), sum(others.values()), total)


def _refused(flow: Flow, found: Staged, reason: str, count: int, total: int) -> CheckFailedError:
    example = found.rejected.where(f"substring_index({REJECT}, ':', 1) = '{_quoted(reason)}'").limit(1)
    error = CheckFailedError(
        f"{flow.id}: {count} of {total} rows for {flow.writes.name} were refused: {reason}"
        f" (for example {_example(example)})",
        "mend the rows or the flow, or raise the check's tolerance; nothing was committed",
    )
    error.reasons, error.rows = found.reasons, total
    return error


def _example(rows: DataFrame) -> str:
    found = rows.drop(HIGH, LOW).collect()
    if not found:
        return "none"
    values = {k: v for k, v in found[0].asDict().items() if isinstance(v, str | int | float) and v is not None}
    return ", ".join(f"{key}={str(value)[:60]!r}" for key, value in list(values.items())[:4])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def refuse_held_keys(flow: Flow, good: DataFrame, held: DataFrame) -> None:
    """Refuse new rows whose key the table holds already for another origin.

    Raises:
        CheckFailedError: If there is one.
    """
    keys = list(flow.writes.key)
    if not keys:
        return
    doubled = good.select(*keys).join(held.select(*keys), keys, "left_semi").limit(1).collect()
    if doubled:
        named = ", ".join(f"{key}={doubled[0][key]!r}" for key in keys)
        raise CheckFailedError(
            f"{flow.id} made a second row of {flow.writes.name} with the key {named}",
            "rows of two tables or origins share it: give those of one new identities, or choose another key",
        )


def doubled_rows(table: Table, held: DataFrame) -> int:
    """Return how many rows a table holds where some share a key, 0 where none do."""
    from pyspark.sql import functions as F

    found = held.agg(F.count(F.lit(1)).alias("n"), F.count_distinct(*[F.col(f"`{k}`") for k in table.key]).alias("k"))
    rows, keys = found.collect()[0]
    return int(rows) if rows != keys else 0


def refuse_doubled_keys(flow: Flow, found: Staged) -> None:
    """Refuse rows that share a key.

    Raises:
        CheckFailedError: If two do.
    """
    keys = list(flow.writes.key)
    if not keys or found.keys == found.digest.rows:
        return
    doubled = found.good.groupBy(*keys).count().where("count > 1").limit(1).collect()
    named = ", ".join(f"{key}={doubled[0][key]!r}" for key in keys)
    raise CheckFailedError(
        f"{flow.id} made {doubled[0]['count']} rows of {flow.writes.name} with one key: {named}",
        f"mend the flow ({flow.place}), or the table's key; nothing was committed",
    )
