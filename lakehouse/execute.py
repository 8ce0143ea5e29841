"""Executing one flow: read at pinned versions, call it, check its rows, commit the difference."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse import commit, inputs, ledger, stage
from lakehouse.diff import difference
from lakehouse.digest import Digest
from lakehouse.errors import CollisionError, FlowError, MixlakeError
from lakehouse.flow import Flow
from lakehouse.history import newest_note
from lakehouse.lake import Lake
from lakehouse.note import Note
from lakehouse.operator import Runner
from lakehouse.plan import FlowPlan
from lakehouse.sqlflow import view_name, with_views
from lakehouse.translate import translated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("mixlake.execute")


@dataclass(frozen=True)
class _Result:
    """What a flow returned, and which held rows it replaces.

    Args:
        rows: The rows, as the function gave them.
        keys: Driving keys whose held rows are replaced; None for "only new rows".
        full: Whether the rows are the whole table.
    """

    rows: DataFrame
    keys: DataFrame | None
    full: bool


@dataclass(frozen=True)
class _Held:
    """The written table as it is before the flow.

    Args:
        version: Its version.
        digest: Content digest of its rows.
        fits: Whether it has the contract's columns and types.
        whole: Whether its rows can only be replaced as a whole.
        transaction: The flow's next transaction number.
    """

    version: int
    digest: Digest
    fits: bool
    whole: bool
    transaction: int


def execute(root: SparkSession, lake: Lake, item: FlowPlan, run_id: str) -> tuple[int, Note]:
    """Run one flow and commit it.

    Args:
        root: The Spark session; the flow gets a session of its own.
        lake: The lake.
        item: The flow as planned, with the input versions to read.
        run_id: The run.

    Returns:
        The committed version and its note.

    Raises:
        MixlakeError: If the flow or its rows are at fault, or another run came first.
    """
    flow = item.flow
    started = datetime.now(UTC).isoformat()
    clock = time.monotonic()
    session = root.newSession()
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(flow.batch_rows))
    session.conf.set("spark.sql.inMemoryColumnarStorage.batchSize", str(min(flow.batch_rows, 10_000)))
    for key, value in flow.writes.writer_options:
        # As settings of the session: Delta passes few options of a writer on, and a MERGE takes none.
        session.conf.set("spark.sql.parquet.compression.codec" if key == "compression" else key, value)
    for key, value in flow.spark.items():
        session.conf.set(key, value)
    note = _note(item, run_id, started)
    try:
        with ExitStack() as stack:
            held = _hold(lake, item)
            attempt = _attempt(item, held.transaction)
            counter = _Counter()
            result = _call(stack, session, lake, item, held, counter)
            shaped = stage.shape(flow, result.rows, run_id)
            found = stack.enter_context(stage.staged(flow, shaped))
            stage.refuse_doubled_keys(flow, found.good)
            phases = {"function": counter.seconds, "rows": time.monotonic() - clock}
            if found.reasons:
                rows = stage.quarantine_rows(flow, found, attempt, run_id)
                commit.append_quarantine(lake, ledger.quarantine, rows, attempt)
                note = replace(note, quarantine=attempt, reasons=found.reasons)
            mode, rows, note = _changes(stack, session, lake, item, held, result, found, note)
            counts = {**note.counts, "read": counter.value, "quarantined": sum(found.reasons.values())}
            phases["difference"] = time.monotonic() - clock - phases["rows"]
            phases = {name: round(seconds, 3) for name, seconds in phases.items() if seconds}
            note = replace(note, counts=counts, phases=phases, seconds=round(time.monotonic() - clock, 3))
            if not held.fits:
                commit.set_properties(lake, flow.writes)
            laid_out = _laid_out(flow, rows, mode)
            version = commit.write(
                session, lake, flow.writes, laid_out, mode=mode, note=note, transaction=held.transaction
            )
            if not held.fits:
                commit.set_properties(lake, flow.writes)
    except MixlakeError:
        raise
    except Exception as error:
        raise translated(flow, error) from error
    return version, note


def _hold(lake: Lake, item: FlowPlan) -> _Held:
    """Look at the written table once, and make sure that it is as the plan saw it.

    Raises:
        CollisionError: If another run committed since.
    """
    table = item.flow.writes
    commit.create(lake.uri, table, lake.storage_options)
    opened = lake.open(table.name)
    newest = newest_note(opened)
    if (newest[0] if newest else None) != (item.last[0] if item.last else None):
        raise CollisionError(f"{table.name}: another run committed since it was planned", "it is planned again")
    version = int(opened.version())
    note = newest[1] if newest else None
    fits = commit.fits(opened, table)
    # Rows that no flow accounts for, and rows that another key named, are replaced as a whole.
    replaced = version > 0 if note is None else tuple(note.key or table.key) != tuple(table.key)
    return _Held(
        version=version,
        digest=Digest.parse(note.digest) if note else Digest(),
        fits=fits,
        whole=replaced or not fits or not table.key,
        transaction=int(opened.transaction_version(item.flow.id) or 0) + 1,
    )


def _call(  # noqa: PLR0913, PLR0917 - the parts of one step
    stack: ExitStack, session: SparkSession, lake: Lake, item: FlowPlan, held: _Held, counter: _Counter
) -> _Result:
    """Call the flow's function with its inputs, incrementally where that is enough."""
    flow = item.flow
    versions = item.inputs
    changed = None if held.whole else _incremental(session, lake, item)
    if flow.kind == "operator":
        rows = inputs.frame(session, lake, flow.reads[flow.driving], versions) if changed is None else changed.rows
        if flow.function is None:
            raise FlowError(f"{flow.id} has no function", "declare it with @flow")
        runner = Runner(flow.id, flow.file, flow.function, item.params, flow.writes, counter.clock(session))
        rows = counter.count(_spread(session, rows, flow.driving_key))
        answer = rows.mapInArrow(runner, inputs.spark_schema(pa.schema(runner.columns)))
        return _Result(answer, None if changed is None else changed.keys, full=changed is None)
    held_rows = functools.partial(inputs.load, session, lake, flow.writes, held.version)
    frames = {name: inputs.frame(session, lake, read, versions) for name, read in flow.reads.items()}
    if flow.kind == "sql":
        for read in flow.reads.values():
            inputs.frame(session, lake, read, versions).createOrReplaceTempView(view_name(read.table))
        return _Result(session.sql(with_views(flow.sql, flow.file)), None, full=True)
    return _call_frame(stack, session, item, frames, held_rows, changed, counter)


def _call_frame(  # noqa: PLR0913, PLR0917 - the parts of one step
    stack: ExitStack,
    session: SparkSession,
    item: FlowPlan,
    frames: dict[str, DataFrame],
    held_rows: Callable[[], DataFrame],
    changed: inputs.Changes | None,
    counter: _Counter,
) -> _Result:
    """Call a frame flow's function, with what else it asks for by name."""
    flow = item.flow
    if flow.function is None:
        raise FlowError(f"{flow.id} has no function", "declare it with @flow")
    extra: dict[str, Any] = {}
    named = inspect.signature(flow.function).parameters
    if "versions" in named:
        extra["versions"] = dict(item.inputs)
    if "held" in named:
        extra["held"] = held_rows()
    if "keep" in named:
        extra["keep"] = functools.partial(_keep, stack)
    keys = None
    if flow.refresh == "merge":
        if changed is None:
            extra["affected"] = frames[flow.driving].select(flow.driving_key).distinct()
        else:
            keys = changed.keys if changed.keys is not None else changed.rows.select(flow.driving_key).distinct()
            extra["affected"] = keys
    answer = flow.function(**frames, params=item.params, **extra)
    if isinstance(answer, pa.Table):
        counter.told(answer.num_rows)
        answer = _from_arrow(session, flow, answer)
    return _Result(answer, keys, full=keys is None)


def _keep(stack: ExitStack, rows: DataFrame) -> DataFrame:
    """Hold rows that a frame flow reads more than once, until its commit."""
    from pyspark import StorageLevel

    kept = rows.persist(StorageLevel.DISK_ONLY)
    stack.callback(kept.unpersist)
    return kept


def _incremental(session: SparkSession, lake: Lake, item: FlowPlan) -> inputs.Changes | None:
    """Return the changes of the driving input where nothing else changed since the last commit."""
    flow = item.flow
    if not flow.incremental or item.last is None:
        return None
    note = item.last[1]
    driving = {table.name for table in lake.registry.sources(flow.reads[flow.driving])}
    for cause in item.causes:
        if cause.kind not in {"input", "upstream"}:
            return None
        if cause.kind == "input" and cause.detail.split(" ", 1)[0] not in driving:
            return None
    from pyspark.errors import PySparkException

    try:
        return inputs.changes(session, lake, flow, note.inputs, item.inputs)
    except PySparkException as error:
        if "CHANGE_DATA" not in str(error) and "CHANGE_TABLE_FEED" not in str(error):
            raise
        # The feed cannot be read across a change of the input's schema: then all rows are processed.
        log.info("%s starts over: the changes of %s cannot be read", flow.id, ", ".join(sorted(driving)))
        return None


def _changes(  # noqa: PLR0913, PLR0917 - the parts of one step
    stack: ExitStack,
    session: SparkSession,
    lake: Lake,
    item: FlowPlan,
    held: _Held,
    result: _Result,
    found: stage.Staged,
    note: Note,
) -> tuple[str, DataFrame, Note]:
    """Decide how the rows are written, and complete the note with what that changes."""
    table = item.flow.writes
    mode = "full" if result.full else "incremental"
    only_new = not result.full and result.keys is None
    if only_new and len(lake.registry.sources(item.flow.reads[item.flow.driving])) > 1:
        stage.refuse_held_keys(item.flow, found.good, inputs.load(session, lake, table, held.version))
    if only_new or (held.digest.rows == 0 and held.fits and (held.version == 0 or item.last is not None)):
        digest = held.digest + found.digest
        counts = {"inserted": found.digest.rows, "updated": 0, "deleted": 0, "rows": digest.rows}
        return (
            "append",
            found.good,
            replace(note, mode=mode, changed=found.digest.rows > 0, counts=counts, digest=str(digest)),
        )
    if held.whole:
        same = held.fits and item.last is not None and found.digest == held.digest
        counts = {"inserted": 0, "updated": 0, "deleted": 0, "rows": found.digest.rows}
        if not same:
            counts.update(inserted=found.digest.rows, deleted=held.digest.rows)
        note = replace(note, mode=mode, changed=not same, counts=counts, digest=str(found.digest))
        return ("append", found.good.limit(0), note) if same else ("overwrite", found.good, note)
    present = inputs.load(session, lake, table, held.version)
    if not result.full and result.keys is not None:
        from pyspark.sql import functions as F

        origin = result.keys.toDF("_origin")
        present = present.join(origin, F.expr(item.flow.origin).eqNullSafe(F.col("_origin")), "left_semi")
    changed = stack.enter_context(difference(table, found.good, present))
    digest = held.digest + changed.gained - changed.lost
    counts = {
        "inserted": changed.inserted,
        "updated": changed.updated,
        "deleted": changed.deleted,
        "rows": digest.rows,
    }
    note = replace(note, mode=mode, changed=not changed.empty, counts=counts, digest=str(digest))
    if changed.updated or changed.deleted:
        return "merge", changed.rows, note
    return "append", changed.rows.drop(commit.ACTION) if changed.inserted else found.good.limit(0), note


def _laid_out(flow: Flow, rows: DataFrame, mode: str) -> DataFrame:
    """Order rows by the table's clustering: ranges by sampling, never one global sort."""
    columns = list(flow.writes.cluster_by)
    if mode == "merge" or not columns:
        return rows
    return rows.repartitionByRange(*columns).sortWithinPartitions(*columns)


def _spread(session: SparkSession, rows: DataFrame, key: str) -> DataFrame:
    """Use all cores for an operator, where the input lies in fewer pieces than there are."""
    wanted = session.sparkContext.defaultParallelism
    if rows.rdd.getNumPartitions() >= wanted:
        return rows
    return rows.repartition(wanted, key) if key in rows.columns else rows.repartition(wanted)


def _from_arrow(session: SparkSession, flow: Flow, answer: pa.Table) -> DataFrame:
    names = [column.name for column in flow.writes.columns if column.name in answer.column_names]
    extra = [name for name in answer.column_names if name not in names]
    wanted = pa.schema([pa.field(name, flow.writes.column(name).type) for name in names])
    try:
        fitted = answer.select(names).cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FlowError(f"{flow.id}: {error} ({flow.file})", "return the types of the contract") from None
    for name in extra:
        fitted = fitted.append_column(name, answer.column(name))
    return session.createDataFrame(fitted, inputs.spark_schema(fitted.schema))


class _Counter:
    """Counts the driving rows and the operator's time, as a side effect of the flow's own job."""

    def __init__(self) -> None:
        self._given = 0
        self._observation: Any = None
        self._clock: Any = None

    def clock(self, session: SparkSession) -> Any:
        """Return an accumulator for the seconds spent in an operator."""
        self._clock = session.sparkContext.accumulator(0.0)
        return self._clock

    @property
    def seconds(self) -> float:
        """Seconds spent in the operator, added up over workers; tasks that were repeated count again."""
        return float(self._clock.value) if self._clock is not None else 0.0

    def count(self, rows: DataFrame) -> DataFrame:
        """Return the rows, counted as they pass."""
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        self._observation = Observation()
        return rows.observe(self._observation, F.count(F.lit(1)).alias("n"))

    def told(self, rows: int) -> None:
        """Take the count from the driver."""
        self._given = rows

    @property
    def value(self) -> int:
        """Rows counted; blocks until the job has run."""
        if self._observation is None:
            return self._given
        from py4j.protocol import Py4JJavaError

        try:
            return int(self._observation.get.get("n", 0))
        except Py4JJavaError:
            # Spark prunes an input that turns out empty, and the observation with it.
            return 0


def _note(item: FlowPlan, run_id: str, started: str) -> Note:
    now = item.fingerprints
    return Note(
        run_id=run_id,
        flow=item.flow.id,
        kind=item.flow.kind,
        mode="full",
        code=now.code,
        params=now.params,
        contract=now.contract,
        models=now.models,
        external=now.external,
        inputs={name: version for name, version in item.inputs.items() if version >= 0},
        ids={name: identity for name, identity in item.ids.items() if identity},
        key=item.flow.writes.key,
        changed=False,
        counts={},
        digest="",
        started=started,
    )


def _attempt(item: FlowPlan, transaction: int) -> str:
    now = item.fingerprints
    body = [
        item.flow.id,
        transaction,
        dict(item.inputs),
        now.code,
        now.params,
        now.contract,
        dict(now.models),
        now.external,
    ]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
