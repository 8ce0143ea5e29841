"""From what a flow returns to rows that may be committed: shaped, checked, counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.contract import Table
from lakehouse.digest import HIGH, LOW, Digest, hash_columns
from lakehouse.errors import CheckFailedError, FlowError
from lakehouse.flow import REJECT, Flow
from lakehouse.inputs import spark_schema

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

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


def shape(flow: Flow, frame: DataFrame, run_id: str) -> DataFrame:
    """Cast a flow's answer to its contract, stamp the run, and mark the rows that break a check.

    Raises:
        FlowError: If a required column is missing or there is one too many.
    """
    from pyspark.sql import functions as F

    table = flow.writes
    has = set(frame.columns)
    known = {column.name for column in table.columns} | {REJECT}
    extra = sorted(has - known)
    if extra:
        raise FlowError(
            f"{flow.id} returned a column {extra[0]!r} that {table.name} does not have ({flow.place})",
            "leave it out, or add it to the contract",
        )
    types = {field.name: field.dataType for field in spark_schema(table.schema)}
    columns = []
    for column in table.columns:
        if column.name == "run_id":
            columns.append(F.lit(run_id).alias("run_id"))
        elif column.name in has:
            columns.append(F.col(f"`{column.name}`").cast(types[column.name]).alias(column.name))
        elif column.nullable:
            columns.append(F.lit(None).cast(types[column.name]).alias(column.name))
        else:
            raise FlowError(
                f"{flow.id} left out the column {column.name!r} of {table.name} ({flow.place})", "return it"
            )
    reject = F.col(REJECT) if REJECT in has else F.lit(None).cast("string")
    rows = frame.select(*columns, reject.alias(REJECT))
    return rows.withColumn(REJECT, F.coalesce(F.col(REJECT), *_broken(table)))


def _broken(table: Table) -> Iterator[Column]:
    """Yield, for each condition, its name where a row breaks it and null where not."""
    from pyspark.sql import functions as F

    for name in table.required:
        if name != "run_id":
            yield F.when(F.col(f"`{name}`").isNull(), F.lit(f"column {name} is null"))
    for check in table.checks:
        yield F.when(~F.coalesce(F.expr(check.sql), F.lit(False)), F.lit(check.name))


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


def quarantine_rows(flow: Flow, found: Staged, attempt: str, run_id: str) -> DataFrame:
    """Return rejected rows as rows of ``ledger.quarantine``; bytes are given by length and SHA-256."""
    from pyspark.sql import functions as F

    shown = []
    for column in flow.writes.columns:
        value = F.col(f"`{column.name}`")
        if pa.types.is_binary(column.type):
            value = F.concat_ws(" ", F.octet_length(value).cast("string"), F.lit("bytes"), F.sha2(value, 256))
        shown.append(value.alias(column.name))
    null = F.lit(None).cast("string")
    can_tell = "sample_id" in flow.writes and (flow.kind == "operator" or flow.refresh == "merge")
    return found.rejected.select(
        F.lit(attempt).alias("attempt"),
        F.lit(flow.id).alias("flow"),
        F.lit(flow.writes.name).alias("table"),
        (F.col("sample_id") if "sample_id" in flow.writes else null).alias("sample_id"),
        (F.expr(flow.origin).cast("string") if can_tell else null).alias("origin"),
        F.col(REJECT).alias("reason"),
        F.to_json(F.struct(*shown)).alias("row"),
        F.lit(run_id).alias("run_id"),
        F.current_timestamp().alias("at"),
    )
