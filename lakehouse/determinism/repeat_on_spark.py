"""Run a flow that is not an operator twice on Spark, with different partitions, and write nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.delta.content_digest import HIGH, LOW
from lakehouse.determinism.computed_rows import computed_rows
from lakehouse.engine.rules import given_columns
from lakehouse.errors import FlowError
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project
from lakehouse.spark.checked_rows import good
from lakehouse.spark.engine import SparkEngine

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OTHERWISE = "when its rows were partitioned differently"

# Adaptive execution would put small partitions together again.
_ONE: Mapping[str, str] = {"spark.sql.shuffle.partitions": "1", "spark.sql.adaptive.enabled": "false"}
_OTHER: Mapping[str, str] = {
    "spark.sql.shuffle.partitions": "7",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.files.maxPartitionBytes": str(256 << 10),
    "spark.sql.files.openCostInBytes": "0",
}
_SHOWN = 100


def run_twice(root: SparkSession, project: Project, item: FlowPlan) -> tuple[int, pa.Table, pa.Table]:
    """Run a flow twice on the same whole inputs.

    Args:
        root: The Spark session; each run gets one of its own.
        project: The project.
        item: The flow, with the input versions to read.

    Returns:
        How many rows it gives, and of either run up to 100 rows that the other does not give, with the rows of the
        same keys; both are empty where the runs agree.

    Raises:
        MixlakeError: If the flow fails.
    """
    table = item.flow.writes
    engines = [SparkEngine(root, project, settings) for settings in (_ONE, _OTHER)]
    with computed_rows(engines[0], item) as one, computed_rows(engines[1], item) as other:
        names = [column.name for column in given_columns(table)]
        runs = (good(one), good(other))
        if one.digest == other.digest:
            none = runs[0].select(names).limit(0).toArrow()
            return one.digest.rows, none, none
        differing = [a.join(b, [HIGH, LOW], "left_anti") for a, b in (runs, runs[::-1])]
        if table.key:
            keys = differing[0].select(*table.key).union(differing[1].select(*table.key))
            keys = keys.distinct().limit(_SHOWN).persist()
            differing = [rows.join(keys, list(table.key), "left_semi") for rows in runs]
        first, second = (_arrow(rows.select(names).limit(_SHOWN)) for rows in differing)
        if first.num_rows == second.num_rows == 0:
            raise FlowError(f"{item.flow.id} gives equal rows, but not equally often ({item.flow.place})")
        return one.digest.rows, first, second


def _arrow(rows: DataFrame) -> pa.Table:
    table: pa.Table = rows.toArrow()
    return table
