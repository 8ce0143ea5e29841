"""The packed sequences: each window of the mixture packed by itself, rows numbered through a stage."""

from __future__ import annotations

import functools
from typing import Any

import pyarrow as pa

from jobs.pack.assemble import Shape, assemble, in_order, lengths_of
from jobs.pack.plan import plan_rows
from jobs.tokenize.vocabulary import PAD, VocabularyParams, load_vocabulary
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read, tagged
from lakehouse.declare.relations import Relations, Rows
from schemas.mixture import mixture as mixture_table
from schemas.mixture import quotas as quotas_table
from schemas.mixture import sequences as sequences_table
from schemas.samples import TOKEN_COLUMNS

FLOW = "jobs.pack.sequences.pack"
_OF_TOKENS = tuple(column for column in TOKEN_COLUMNS if column.name in {"sample_id", "parts", "tokens", "media"})
_OF_QUOTAS = ("stage", "row_length", "align")
COUNTED = pa.schema([("stage", pa.string()), ("window", pa.int32()), ("rows", pa.int64())])


@flow(
    id=FLOW,
    writes=sequences_table,
    kind="relational",
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
def pack(*, mixture: Rows, tokens: Rows, quotas: Rows, relations: Relations, params: VocabularyParams) -> Rows:
    """Pack the windows: first their rows are counted from lengths alone, then they are made at their positions."""
    words = load_vocabulary(params.vocabulary)
    stages = relations.sql("SELECT DISTINCT stage, row_length, align FROM quotas", quotas=quotas)
    shapes = {
        row["stage"]: Shape(f"{FLOW}/{row['stage']}", row["row_length"], row["align"], words.id(PAD), words.targets)
        for row in relations.to_arrow(stages).to_pylist()
    }
    schema = pa.schema([pa.field(c.name, c.type) for c in sequences_table.columns if c.name != "run_id"])
    count = functools.partial(count_window, shapes=shapes)
    make = functools.partial(pack_window, shapes=shapes, schema=schema)
    windows = ("stage", "window")
    sized = relations.sql(
        "SELECT m.*, t.parts FROM mixture AS m INNER JOIN tokens AS t ON m.sample_id = t.sample_id",
        mixture=mixture,
        tokens=tokens,
    )
    counted = relations.map_groups(sized, windows, count, COUNTED)
    # One row per window: small, whatever the windows hold.
    placed = relations.sql(
        """
        SELECT c.stage, c.window, CAST(sum(c.rows) OVER (PARTITION BY c.stage ORDER BY c.window
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) - c.rows AS first
        FROM counted AS c
        """,
        counted=counted,
    )
    drawn = relations.sql(
        """
        SELECT /*+ BROADCAST(p) */ m.*, p.first, t.parts, t.tokens, t.media
        FROM mixture AS m
        INNER JOIN placed AS p ON m.stage = p.stage AND m.window = p.window
        INNER JOIN tokens AS t ON m.sample_id = t.sample_id
        """,
        mixture=mixture,
        placed=placed,
        tokens=tokens,
    )
    return relations.map_groups(drawn, windows, make, schema)


def count_window(window: pa.Table, shapes: dict[str, Shape]) -> pa.Table:
    """Return how many rows a window makes: stage, window, rows.

    Args:
        window: One draw per row: stage, window, sample_id, cell, epoch, time, parts.
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
