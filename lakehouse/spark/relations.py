"""The steps of a relational flow under Spark: DataFrames, SQL over temporary views, functions of Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN, Flow
from lakehouse.declare.relations import BatchFunction, Dialect, GroupFunction
from lakehouse.engine.batches import batch_call, rows_schema
from lakehouse.engine.fixed_lists import fixed_columns, in_declared_types, with_plain_lists
from lakehouse.engine.groups import group_call
from lakehouse.engine.relation_checks import order_expressions, whole_input
from lakehouse.errors import MixlakeError
from lakehouse.spark.delta_reader import spark_schema
from lakehouse.spark.fixed_lists import BatchesInTypes, declared_types, group_in_types, marked

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class SparkRelations:
    """See `lakehouse.declare.relations.Relations`.

    Args:
        session: The flow's session.
        flow: The flow.
        inputs: Its inputs by name.
        stack: Releases what is cached.
    """

    dialect: Dialect = "spark"

    def __init__(self, session: SparkSession, flow: Flow, inputs: Mapping[str, DataFrame], stack: ExitStack) -> None:
        self._session = session
        self._flow = flow
        self._inputs = inputs
        self._stack = stack

    def sql(self, text: str, /, **inputs: DataFrame) -> DataFrame:
        """Return the rows of one SELECT."""
        for name, rows in inputs.items():
            rows.createOrReplaceTempView(name)
        # The names are resolved now, so that later statements may use them again.
        return self._session.sql(text)

    def from_arrow(self, table: pa.Table) -> DataFrame:
        """Return rows that this process holds."""
        given = with_plain_lists(table)
        rows = self._session.createDataFrame(given, spark_schema(given.schema))
        return marked(rows, fixed_columns(table.schema))

    def to_arrow(self, rows: DataFrame) -> pa.Table:
        """Return rows to this process."""
        return in_declared_types(rows.toArrow(), declared_types(rows), self._flow.id)

    def map_batches(
        self,
        rows: DataFrame,
        function: BatchFunction,
        schema: pa.Schema,
        *,
        together: Sequence[str] = (),
        order_by: Sequence[str] = (),
        tasks: Literal["any", "one", "many"] = "any",
    ) -> DataFrame:
        """Return what a function yields for the rows of each partition."""
        from pyspark.sql import functions as F

        if tasks == "one":
            rows = rows.coalesce(1)
        elif tasks == "many":
            # Adaptive execution does not change an explicit number of partitions.
            rows = rows.repartition(int(self._session.conf.get("spark.sql.shuffle.partitions") or 1), *together)
        elif together:
            rows = rows.repartition(*together)
        if together or order_by:
            expressions = order_expressions(self._flow, [text for text in order_by if text not in together])
            rows = rows.sortWithinPartitions(*(F.col(name) for name in together), *map(F.expr, expressions))
        call = BatchesInTypes(batch_call(self._flow, function, schema), declared_types(rows), self._flow.id)
        return marked(rows.mapInArrow(_WithFields(call), spark_schema(schema)), _fixed(schema))

    def map_groups(self, rows: DataFrame, keys: Sequence[str], function: GroupFunction, schema: pa.Schema) -> DataFrame:
        """Return what a function makes of each group."""
        call = group_in_types(
            group_call(self._flow, tuple(keys), function, schema), declared_types(rows), self._flow.id
        )
        return marked(rows.groupBy(*keys).applyInArrow(_annotated(call), spark_schema(schema)), _fixed(schema))

    def cached(self, rows: DataFrame) -> DataFrame:
        """Return rows that are kept on the workers' disks until the commit."""
        from pyspark import StorageLevel

        cached = rows.persist(StorageLevel.DISK_ONLY)
        self._stack.callback(cached.unpersist)
        return cached

    def computed(self, rows: DataFrame) -> DataFrame:
        """Return rows that are computed now: in the checkpoint folder where one is set, else on the workers' disks."""
        context = self._session.sparkContext
        lasting = context._jsc.sc().getCheckpointDir().isDefined()  # noqa: SLF001 - no public way
        return rows.checkpoint() if lasting else rows.localCheckpoint()

    def data_files(self, name: str) -> DataFrame:
        """Return the data files of an input, as Spark reads them."""
        from pyspark.sql import functions as F

        whole_input(self._flow, name)
        # Not `_metadata.file_path`, which does not pass a union. No column is read for this.
        named = self._inputs[name].select(F.col(TABLE_PSEUDO_COLUMN).alias("table"), F.input_file_name().alias("uri"))
        return named.groupBy("table", "uri").agg(F.count(F.lit(1)).alias("live"))


@dataclass(frozen=True)
class _WithFields:
    """Calls a function of batches in a worker so that its errors keep their fields: the JVM passes on text alone."""

    function: BatchFunction

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield what the function yields."""
        try:
            yield from self.function(batches)
        except MixlakeError as error:
            raise RuntimeError(error.to_text()) from error


def _fixed(schema: pa.Schema) -> dict[str, pa.DataType]:
    return fixed_columns(rows_schema(schema))


def _annotated(call: GroupFunction) -> GroupFunction:
    """Return the caller as a function: Spark reads a grouped function's kind from its annotations."""

    def apply(group: pa.Table) -> pa.Table:
        try:
            return call(group)
        except MixlakeError as error:
            # The JVM passes on an error's text alone.
            raise RuntimeError(error.to_text()) from error

    apply.__annotations__ = {"group": pa.Table, "return": pa.Table}
    return apply
