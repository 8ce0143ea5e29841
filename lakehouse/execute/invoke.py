"""Calling a flow's function with its inputs, incrementally where that is enough."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse.declare.flow import Flow
from lakehouse.declare.sql_flow import view_name, with_views
from lakehouse.delta.change_feed import has_feed
from lakehouse.errors import FlowError
from lakehouse.execute import changed_rows, input_frames, quarantine
from lakehouse.execute.target import Held
from lakehouse.plan.plan import FlowPlan
from lakehouse.plan.refresh import full_reason
from lakehouse.project import Project
from lakehouse.spark import delta_reader, delta_writer
from lakehouse.spark.code_archive import ship_files
from lakehouse.spark.key_range import Span
from lakehouse.spark.operator_runner import runner_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("mixlake.execute")

# Spark opens files of less together: spark.sql.files.openCostInBytes.
_PIECE = 4 << 20


@dataclass(frozen=True)
class Result:
    """What a flow returned, and which held rows it replaces.

    Args:
        rows: The rows, as the function gave them.
        keys: Driving keys whose held rows are replaced; None for "only new rows".
        full: Whether the rows are the whole table.
        span: Where the keys lie, None where it is not known.
    """

    rows: DataFrame
    keys: DataFrame | None
    full: bool
    span: Span | None = None


class Counter:
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


def session_of(root: SparkSession, flow: Flow) -> SparkSession:
    """Return a session of a flow's own, with its settings."""
    session = root.newSession()
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(flow.batch_rows))
    session.conf.set("spark.sql.inMemoryColumnarStorage.batchSize", str(min(flow.batch_rows, 10_000)))
    delta_writer.writer_settings(session, flow.writes)
    for key, value in flow.spark.items():
        session.conf.set(key, value)
    return session


def call(  # noqa: PLR0913, PLR0917 - the parts of one step
    stack: ExitStack, session: SparkSession, project: Project, item: FlowPlan, held: Held, counter: Counter
) -> Result:
    """Call the flow's function with its inputs, incrementally where that is enough."""
    flow = item.flow
    versions = item.inputs
    if not held.whole and {cause.kind for cause in item.causes} == {"retraction"}:
        # Rows go, and nothing else changed: the function has nothing to add.
        return Result(session.createDataFrame([], delta_reader.spark_schema(flow.writes.schema)), None, full=False)
    changed = None if held.whole else _incremental(session, project, item)
    if flow.kind == "operator":
        rows = (
            input_frames.frame(session, project, flow.reads[flow.driving], versions)
            if changed is None
            else changed.rows
        )
        runner = runner_of(flow, ship_files(session, item.params), counter.clock(session))
        wanted = session.sparkContext.defaultParallelism
        if not _in_pieces(project, item, wanted) if changed is None else rows.rdd.getNumPartitions() < wanted:
            rows = _spread(rows, wanted, flow.driving_key)
        rows = counter.count(rows)
        answer = rows.mapInArrow(runner, delta_reader.spark_schema(pa.schema(runner.columns)))
        if changed is None:
            return Result(answer, None, full=True)
        return Result(answer, changed.keys, full=False, span=changed.span)
    held_rows = functools.partial(
        delta_reader.load, session, project.catalog, flow.writes, -1 if held.lost else held.version
    )
    frames = {name: input_frames.frame(session, project, read, versions) for name, read in flow.reads.items()}
    if flow.kind == "sql":
        for name, read in flow.reads.items():
            frames[name].createOrReplaceTempView(view_name(read.table))
        return Result(session.sql(with_views(flow.sql, flow.file)), None, full=True)
    return _call_frame(stack, session, project, item, frames, held_rows, changed, counter)


def _call_frame(  # noqa: PLR0913, PLR0917 - the parts of one step
    stack: ExitStack,
    session: SparkSession,
    project: Project,
    item: FlowPlan,
    frames: dict[str, DataFrame],
    held_rows: Callable[[], DataFrame],
    changed: changed_rows.Changes | None,
    counter: Counter,
) -> Result:
    """Call a frame flow's function, with what else it asks for by name."""
    flow = item.flow
    if flow.function is None:
        raise FlowError(f"{flow.id} has no function", "declare it with @flow")
    extra: dict[str, Any] = {}
    named = inspect.signature(flow.function).parameters
    if "versions" in named:
        extra["versions"] = dict(item.inputs)
    if "storage" in named:
        extra["storage"] = dict(project.config.storage)
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
    return Result(answer, keys, full=keys is None, span=None if changed is None else changed.span)


def _keep(stack: ExitStack, rows: DataFrame) -> DataFrame:
    """Hold rows that a frame flow reads more than once, until its commit."""
    from pyspark import StorageLevel

    kept = rows.persist(StorageLevel.DISK_ONLY)
    stack.callback(kept.unpersist)
    return kept


def _incremental(session: SparkSession, project: Project, item: FlowPlan) -> changed_rows.Changes | None:
    """Return the changes of the driving input where nothing else changed since the last commit."""
    flow = item.flow
    if item.last is None or full_reason(project, item):
        return None
    note = item.last[1]
    for table in sorted(table.name for table in project.registry.sources(flow.reads[flow.driving])):
        first, last = note.inputs.get(table, -1) + 1, item.inputs[table]
        if first <= last and not has_feed(project.catalog.open(table, last), first, last):
            log.info("%s starts over: the changes of %s since version %s were vacuumed", flow.id, table, first)
            return None
    from pyspark.errors import PySparkException

    try:
        changed = changed_rows.changes(session, project, flow, note.inputs, item.inputs)
        return _again(session, project, item, changed) if item.because("quarantine_retry") else changed
    except PySparkException as error:
        if "CHANGE_DATA" not in str(error) and "CHANGE_TABLE_FEED" not in str(error):
            raise
        # The feed cannot be read across a change of the input's schema: then all rows are processed.
        log.info("%s starts over: the changes of %s cannot be read", flow.id, flow.driving)
        return None


def _again(
    session: SparkSession, project: Project, item: FlowPlan, changed: changed_rows.Changes
) -> changed_rows.Changes | None:
    """Add the driving rows from which rows were set aside; None where it is not known which they are."""
    flow = item.flow
    origins = quarantine.origins(session, project.catalog, flow)
    if origins is None:
        return None
    keys = changed.keys if changed.keys is not None else changed.rows.select(flow.driving_key)
    keys = keys.union(origins.toDF(flow.driving_key)).distinct()
    whole = input_frames.frame(session, project, flow.reads[flow.driving], item.inputs)
    return changed_rows.Changes(whole.join(keys, flow.driving_key, "left_semi"), keys)


def _in_pieces(project: Project, item: FlowPlan, wanted: int) -> bool:
    """Whether Spark reads a whole driving input in as many pieces as are wanted.

    It reads small files apart, and splits large ones where they have row groups.
    """
    files, size = input_frames.files(project, item.flow.reads[item.flow.driving], item.inputs)
    return files >= wanted or size >= wanted * _PIECE


def _spread(rows: DataFrame, wanted: int, key: str) -> DataFrame:
    """Use all cores for an operator, where the input lies in fewer pieces than there are."""
    return rows.repartition(wanted, key) if key in rows.columns else rows.repartition(wanted)


def _from_arrow(session: SparkSession, flow: Flow, answer: pa.Table) -> DataFrame:
    names = [column.name for column in flow.writes.columns if column.name in answer.column_names]
    extra = [name for name in answer.column_names if name not in names]
    wanted = pa.schema([pa.field(name, flow.writes.column(name).type) for name in names])
    try:
        fitted = answer.select(names).cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FlowError(f"{flow.id}: {error} ({flow.place})", "return the types of the contract") from None
    for name in extra:
        fitted = fitted.append_column(name, answer.column(name))
    return session.createDataFrame(fitted, delta_reader.spark_schema(fitted.schema))
