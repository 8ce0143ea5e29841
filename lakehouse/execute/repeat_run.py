"""Running a frame or SQL flow twice under Spark, with its rows cut and shuffled otherwise, and writing nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.errors import FlowError, MixlakeError
from lakehouse.execute import checks, conform
from lakehouse.execute.content_digest import HIGH, LOW, Digest
from lakehouse.execute.invoke import Counter, call, session_of
from lakehouse.execute.target import Held
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project
from lakehouse.spark.errors import translated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


OTHERWISE = "when its rows were partitioned otherwise"

# Adaptive execution would put small partitions together again.
_ONE: Mapping[str, str] = {"spark.sql.shuffle.partitions": "1", "spark.sql.adaptive.enabled": "false"}
_OTHER: Mapping[str, str] = {
    "spark.sql.shuffle.partitions": "7",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.files.maxPartitionBytes": str(256 << 10),
    "spark.sql.files.openCostInBytes": "0",
}
_SHOWN = 100


def rehearse(root: SparkSession, project: Project, item: FlowPlan) -> tuple[int, pa.Table, pa.Table]:
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
    with _run(root, project, item, _ONE) as one, _run(root, project, item, _OTHER) as other:
        names = [column.name for column in table.columns if column.name != "run_id"]
        if one.digest == other.digest:
            none = one.good.select(names).limit(0).toArrow()
            return one.digest.rows, none, none
        odd = [a.good.join(b.good, [HIGH, LOW], "left_anti") for a, b in ((one, other), (other, one))]
        if table.key:
            keys = odd[0].select(*table.key).union(odd[1].select(*table.key)).distinct().limit(_SHOWN).persist()
            odd = [rows.good.join(keys, list(table.key), "left_semi") for rows in (one, other)]
        found = [_arrow(rows.select(names).limit(_SHOWN)) for rows in odd]
        if found[0].num_rows == found[1].num_rows == 0:
            raise FlowError(f"{item.flow.id} gives equal rows, but not equally often ({item.flow.place})")
        return one.digest.rows, found[0], found[1]


def _arrow(rows: DataFrame) -> pa.Table:
    found: pa.Table = rows.toArrow()
    return found


@contextmanager
def _run(root: SparkSession, project: Project, item: FlowPlan, settings: Mapping[str, str]) -> Iterator[checks.Staged]:
    session = session_of(root, item.flow)
    for key, value in settings.items():
        session.conf.set(key, value)
    version = item.last[0] if item.last else -1
    held = Held(version, Digest(), fits=True, foreign=False, whole=True, transaction=0)
    try:
        with ExitStack() as stack:
            result = call(stack, session, project, item, held, Counter())
            shaped = conform.conform(item.flow, result.rows, f"rehearsal-{time.time():.0f}")
            yield stack.enter_context(checks.staged(item.flow, shaped))
    except MixlakeError:
        raise
    except Exception as error:
        raise translated(item.flow, error) from error
