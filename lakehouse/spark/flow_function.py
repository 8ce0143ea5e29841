"""Call a flow's function under Spark: on Arrow batches, on groups, on relations or DataFrames; or run its SQL."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse.declare.flow import Flow
from lakehouse.declare.sql_flow import declared_reads
from lakehouse.declare.sql_views import view_name, with_views
from lakehouse.engine import AffectedKeys, Call, FlowOutput
from lakehouse.engine.fixed_lists import fixed_columns, in_declared_types, with_plain_lists
from lakehouse.engine.input_types import input_schema
from lakehouse.engine.keys import has_origins, keeps_source_key
from lakehouse.engine.landing import in_contract_types, land
from lakehouse.engine.operator_runner import Runner, runner_of
from lakehouse.errors import FlowError, MixlakeError
from lakehouse.project import Project
from lakehouse.spark import delta_reader, flow_inputs
from lakehouse.spark.code_archive import ShippedParams, ship_params
from lakehouse.spark.fixed_lists import BatchesInTypes, marked, unmarked
from lakehouse.spark.relations import SparkRelations
from lakehouse.spark.shared_keys import of_affected

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Spark opens files of less together: spark.sql.files.openCostInBytes.
_SPLIT_BYTES = 4 << 20


class RowCounter:
    """Counts the driving rows and an operator's time, as a side effect of the flow's own job."""

    def __init__(self) -> None:
        self._returned = 0
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

    def set(self, rows: int) -> None:
        """Set the count of rows that were made in this process."""
        self._returned = rows

    @property
    def rows(self) -> int:
        """Rows counted; blocks until the job has run."""
        if self._observation is None:
            return self._returned
        from py4j.protocol import Py4JJavaError

        try:
            return int(self._observation.get.get("n", 0))
        except Py4JJavaError:
            # Spark prunes an input that turns out empty, and the observation with it.
            return 0


@dataclass(frozen=True)
class SparkWorker:
    """Runs an operator in a worker, so that its errors keep their fields: the JVM passes on their text alone.

    Args:
        runner: The operator's runner, without its parameters.
        params: The parameters, and where their files are on a worker.
        types: Declared types of columns that Spark has as plain lists.
    """

    runner: Runner
    params: ShippedParams
    types: Mapping[str, pa.DataType]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the operator's results."""
        try:
            runner = replace(self.runner, params=self.params.resolve())
            yield from BatchesInTypes(runner, self.types, runner.flow)(batches)
        except MixlakeError as error:
            raise RuntimeError(error.to_text()) from error


class FlowFunction:
    """Calls the function of one flow.

    Args:
        session: The flow's session.
        project: The project.
        flow: The flow.
        stack: Releases rows that the function caches.

    Attributes:
        source_keys_in: The source keys of the function's input, in one column; None where they are not needed.
    """

    def __init__(self, session: SparkSession, project: Project, flow: Flow, stack: ExitStack) -> None:
        self._session = session
        self._project = project
        self._flow = flow
        self._stack = stack
        self.counter = RowCounter()
        self.source_keys_in: DataFrame | None = None

    def apply(self, call: Call) -> FlowOutput:
        """Call the function with its inputs, or with their changes."""
        if self._flow.kind == "operator":
            return self._operator(call)
        if self._flow.kind == "landing":
            rows = land(self._flow, call, lambda: self._current_table(call))
            return FlowOutput(self._from_arrow(rows), full=True)
        frames = {
            name: flow_inputs.frame(self._session, self._project, read, call.versions)
            for name, read in self._flow.reads.items()
        }
        if self._flow.kind == "sql":
            return self._sql(frames)
        if self._flow.kind == "group":
            return self._group(call, {name: self._marked(name, rows) for name, rows in frames.items()})
        if self._flow.kind == "relational":
            frames = {name: self._marked(name, rows) for name, rows in frames.items()}
        return self._frame(call, frames)

    def _operator(self, call: Call) -> FlowOutput:
        flow, changes = self._flow, call.changes
        wanted = self._session.sparkContext.defaultParallelism
        if changes is None:
            rows = flow_inputs.frame(self._session, self._project, flow.reads[flow.driving], call.versions)
            enough = self._is_in_pieces(call, wanted)
        else:
            rows = changes.rows
            enough = rows.rdd.getNumPartitions() >= wanted
        if has_origins(flow) and not keeps_source_key(flow):
            self.source_keys_in = rows.select(flow.source_key)
        if not enough:  # use all cores, where the input has fewer partitions
            key = flow.source_key
            rows = rows.repartition(wanted, key) if key in rows.columns else rows.repartition(wanted)
        runner = runner_of(flow, None, self.counter.clock(self._session))
        types = self._fixed_columns(flow.driving)
        worker = SparkWorker(runner, ship_params(self._session, call.params), types)
        schema = delta_reader.spark_schema(pa.schema(runner.columns))
        answer = self.counter.count(rows).mapInArrow(worker, schema)
        return FlowOutput(answer, full=changes is None, affected=changes.affected if changes is not None else None)

    def _is_in_pieces(self, call: Call, wanted: int) -> bool:
        """Whether Spark reads a whole driving input in as many pieces as are wanted.

        It reads small files apart, and splits large ones where they have row groups.
        """
        driving = self._flow.reads[self._flow.driving]
        files, size = flow_inputs.count_files(self._project, driving, call.versions)
        return files >= wanted or size >= wanted * _SPLIT_BYTES

    def _sql(self, frames: dict[str, DataFrame]) -> FlowOutput:
        for name, read in self._flow.reads.items():
            frames[name].createOrReplaceTempView(view_name(read.table))
        flow = self._flow
        text = with_views(flow.sql, flow.file, flow.dialect, declared_reads(flow.sql))
        return FlowOutput(self._session.sql(text), full=True)

    def _group(self, call: Call, frames: dict[str, DataFrame]) -> FlowOutput:
        """Call a function for each group of its input's rows."""
        flow = self._flow
        (rows,) = frames.values()
        runner = runner_of(flow, call.params, self.counter.clock(self._session))
        relations = SparkRelations(self._session, flow, frames, self._stack)
        answer = relations.map_groups(
            self.counter.count(rows), flow.group_by, runner.of_group, pa.schema(runner.columns)
        )
        return FlowOutput(answer, full=True)

    def _frame(self, call: Call, frames: dict[str, DataFrame]) -> FlowOutput:
        """Call a relational or a frame function with its inputs, and with what else it names as a parameter."""
        flow, changes = self._flow, call.changes
        if flow.function is None:
            raise FlowError(f"{flow.id} has no function", "declare it with @flow")
        affected = None
        relations = SparkRelations(self._session, flow, frames, self._stack)
        extra: dict[str, Any] = {}
        if flow.refresh == "merge":
            key = flow.source_key
            if changes is None:
                extra["affected"] = frames[flow.driving].select(key).distinct()
            else:
                affected = changes.affected or AffectedKeys(changes.rows.select(key).distinct())
                extra["affected"] = affected.rows
            self.source_keys_in = extra["affected"]
        asked = inspect.signature(flow.function).parameters
        if "versions" in asked:
            extra["versions"] = dict(call.versions)
        if "storage" in asked:
            extra["storage"] = dict(self._project.config.storage)
        if "current_rows" in asked:
            extra["current_rows"] = self._current_rows(call)
        if flow.kind == "relational":
            extra["relations"] = relations
        if "cache" in asked:
            extra["cache"] = relations.cached
        answer = self._rows_of(flow.function(**frames, params=call.params, **extra))
        if flow.surplus == "drop":
            answer = of_affected(flow, answer, extra["affected"])
        return FlowOutput(answer, full=affected is None, affected=affected)

    def _rows_of(self, answer: Any) -> Any:
        """Return what a function returned as a DataFrame; a frame may have made an Arrow table."""
        if not isinstance(answer, pa.Table):
            return unmarked(answer) if self._flow.kind == "relational" else answer
        if self._flow.kind == "relational":
            raise FlowError(f"{self._flow.id} returned Table, not rows ({self._flow.place})", "return relations' rows")
        return self._from_arrow(in_contract_types(self._flow, answer))

    def _from_arrow(self, rows: pa.Table) -> DataFrame:
        self.counter.set(rows.num_rows)
        rows = with_plain_lists(rows)
        return self._session.createDataFrame(rows, delta_reader.spark_schema(rows.schema))

    def _fixed_columns(self, name: str) -> dict[str, pa.DataType]:
        return fixed_columns(input_schema(self._project, self._flow.reads[name]))

    def _marked(self, name: str, rows: DataFrame) -> DataFrame:
        return marked(rows, self._fixed_columns(name))

    def _current_table(self, call: Call) -> pa.Table:
        types = fixed_columns(self._flow.writes.schema)
        return in_declared_types(self._current_rows(call).toArrow(), types, self._flow.id)

    def _current_rows(self, call: Call) -> DataFrame:
        """Return the written table's rows as they are."""
        return delta_reader.load(self._session, self._project.catalog, self._flow.writes, call.stored_version)
