"""The mixture: which sample goes to which stage, how often, and at which virtual time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.mix.cells import Cell
from jobs.mix.draw import DrawParams, views
from jobs.mix.last_sample import choose_last_samples
from jobs.mix.stage_shares import Demand, allocate
from lakehouse.declare.flow import flow, identity, read, tagged
from schemas.mixture import mixture as mixture_table
from schemas.mixture import quotas as quotas_table
from schemas.mixture import supply as supply_table
from schemas.samples import TOKEN_COLUMNS
from schemas.samples import samples as samples_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SIZES = tuple(column for column in TOKEN_COLUMNS if column.name in {"sample_id", "table", "n_tokens"})
SETTLED = "stage string, line string, sample_id string, more boolean"
SHARES = pa.schema(
    [("stage", pa.string()), ("line", pa.string()), ("cell", pa.string()), ("begin", pa.int64()), ("end", pa.int64())]
)


@flow(
    id="jobs.mix.mixture.draw",
    writes=mixture_table,
    kind="frame",
    reads={
        "samples": read(samples_table, where="keep"),
        "tokens": tagged("tokens", columns=SIZES),
        "supply": supply_table,
        "quotas": quotas_table,
    },
    params=DrawParams,
    tags=["mix"],
)
def draw(
    *,
    samples: DataFrame,
    tokens: DataFrame,
    supply: DataFrame,
    quotas: DataFrame,
    params: DrawParams,
    cache: Callable[[DataFrame], DataFrame] = identity,
) -> DataFrame:
    """Draw whole samples by keyed hash until each line's target is met, repeating only where supply is short."""
    spark = samples.sparkSession
    # Cells and quota lines are declared things: a few hundred rows, however large the data.
    lines = quotas.toArrow()
    tokens_of = {
        Cell.parse(row["cell"]): row["tokens"] for row in supply.select("cell", "tokens").toArrow().to_pylist()
    }
    given = {
        "samples": samples,
        "tokens": tokens,
        "shares": spark.createDataFrame(share_table(lines, tokens_of)),
        "demands": spark.createDataFrame(demand_table(lines)),
        "epochs": spark.range(epoch_count(lines)).withColumnRenamed("id", "epoch"),
    }
    for name, rows in given.items():
        rows.createOrReplaceTempView(name)
    for name, text in views(params).items():
        rows = spark.sql(text)
        if name == "marked":
            # Four views read it; without this each would make it anew.
            rows = cache(rows)
        rows.createOrReplaceTempView(name)
        if name == "candidates":
            settled = rows.groupBy("stage", "line").applyInArrow(choose_line, SETTLED)
            settled.createOrReplaceTempView("settled")
    return spark.table("mixture")


def share_table(lines: pa.Table, supply: dict[Cell, int]) -> pa.Table:
    """Return the view ``shares`` of quota rows and the supply by cell."""
    demands = [
        Demand(row["stage"], row["ordinal"], row["shared"], Cell.parse(row["cell"]), row["target"], row["max_epochs"])
        for row in lines.to_pylist()
    ]
    shares = allocate(demands, supply)
    rows = [{name: getattr(share, name) for name in SHARES.names} for share in shares]
    return pa.Table.from_pylist(rows, schema=SHARES)


def demand_table(lines: pa.Table) -> pa.Table:
    """Return the view ``demands`` of quota rows."""
    return lines.select(["stage", "cell", "target", "max_epochs", "row_length"]).rename_columns(
        ["stage", "line", "target", "max_epochs", "row_length"]
    )


def epoch_count(lines: pa.Table) -> int:
    """Return how often a sample may be used at most, over all lines."""
    return max((math.ceil(value) for value in lines.column("max_epochs").to_pylist()), default=1)


def choose_line(group: pa.Table) -> pa.Table:
    """Settle one stage's line.

    Args:
        group: The samples near its end: stage, line, sample_id, n_tokens, more, distance, target, needed.

    Returns:
        stage, line, sample_id, and whether it goes in once more.
    """
    rows = group.sort_by([("distance", "ascending"), ("sample_id", "ascending")])
    if rows.num_rows == 0:
        return rows.select(["stage", "line", "sample_id", "more"])
    sizes = rows.column("n_tokens").to_numpy().astype(np.int64)
    taken = rows.column("more").to_numpy(zero_copy_only=False).astype(bool)
    chosen = choose_last_samples(sizes, taken, rows.column("needed")[0].as_py(), rows.column("target")[0].as_py())
    kept = rows.select(["stage", "line", "sample_id"])
    return kept.append_column("more", pa.array(chosen))
