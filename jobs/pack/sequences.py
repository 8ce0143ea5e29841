"""The packed sequences: each window of the mixture packed by itself, rows numbered through a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.pack.assemble import Shape, assemble, in_order, lengths_of
from jobs.pack.plan import plan_rows
from jobs.tokenize.vocabulary import PAD, VocabularyParams, load_vocabulary
from lakehouse.declare.flow import flow, read, tagged
from schemas.mixture import mixture as mixture_table
from schemas.mixture import quotas as quotas_table
from schemas.mixture import sequences as sequences_table
from schemas.samples import TOKEN_COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FLOW = "jobs.pack.sequences.pack"
_OF_TOKENS = tuple(column for column in TOKEN_COLUMNS if column.name in {"sample_id", "parts", "tokens", "media"})
_OF_QUOTAS = ("stage", "row_length", "align")


@flow(
    id=FLOW,
    writes=sequences_table,
    kind="frame",
    reads={
        "mixture": read(
            mixture_table,
            columns=["stage", "window", "sample_id", "license", "cell", "modality", "epoch", "time"],
        ),
        "tokens": tagged("tokens", columns=_OF_TOKENS),
        "quotas": read(quotas_table, columns=_OF_QUOTAS),
    },
    params=VocabularyParams,
    batch_rows=1024,
    tags=["pack"],
)
def pack(*, mixture: DataFrame, tokens: DataFrame, quotas: DataFrame, params: VocabularyParams) -> DataFrame:
    """Pack the windows: first their rows are counted from lengths alone, then they are made at their positions."""
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema

    words = load_vocabulary(params.vocabulary)
    shapes = {
        row["stage"]: Shape(f"{FLOW}/{row['stage']}", row["row_length"], row["align"], words.id(PAD), words.targets)
        for row in quotas.distinct().toArrow().to_pylist()
    }
    schema = pa.schema([pa.field(c.name, c.type) for c in sequences_table.columns if c.name != "run_id"])

    # Spark reads a grouped function's kind from its annotations, which a partial has none of.
    def count(window: pa.Table) -> pa.Table:
        return count_window(window, shapes)

    def make(window: pa.Table) -> pa.Table:
        return pack_window(window, shapes, schema)

    draws = mixture.select("stage", "window", "sample_id", "license", "cell", "modality", "epoch", "time")
    sized = draws.join(tokens.select("sample_id", "parts"), "sample_id")
    counted = sized.groupBy("stage", "window").applyInArrow(count, "stage string, window int, rows long")
    counted.createOrReplaceTempView("counted")
    # One row a window: small, whatever the windows hold.
    placed = mixture.sparkSession.sql(
        "SELECT stage, `window`, sum(rows) OVER (PARTITION BY stage ORDER BY `window` "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - rows AS first FROM counted"
    )
    return (
        draws.join(F.broadcast(placed), ["stage", "window"])
        .join(tokens, "sample_id")
        .groupBy("stage", "window")
        .applyInArrow(make, from_arrow_schema(schema))
    )


def count_window(window: pa.Table, shapes: dict[str, Shape]) -> pa.Table:
    """Return how many rows a window makes: stage, window, rows.

    Args:
        window: One draw a row: stage, window, sample_id, cell, epoch, time, parts.
        shapes: By stage.
    """
    stage = window.column("stage")[0].as_py()
    lengths, _ = lengths_of(in_order(window))
    plan = plan_rows(lengths, shapes[stage].row_length, shapes[stage].align)
    rows: dict[str, Any] = {
        "stage": pa.array([stage]),
        "window": pa.array([window.column("window")[0].as_py()], pa.int32()),
        "rows": pa.array([plan.rows], pa.int64()),
    }
    return pa.table(rows)


def pack_window(window: pa.Table, shapes: dict[str, Shape], schema: pa.Schema) -> pa.Table:
    """Return the sequences of a window, in the columns of the schema.

    Args:
        window: As for `count_window`, and license, modality, tokens, media and first.
        shapes: By stage.
        schema: Columns wanted.
    """
    stage = window.column("stage")[0].as_py()
    made = assemble(window, shapes[stage], window.column("first")[0].as_py())
    made = made.append_column("stage", pa.repeat(stage, made.num_rows))
    return made.select(schema.names).cast(schema)
