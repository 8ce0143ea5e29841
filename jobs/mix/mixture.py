"""The mixture: which sample goes to which stage, how often, and at which virtual time."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from jobs.mix.cells import Cell
from jobs.mix.draw import DrawParams, statements
from jobs.mix.last_sample import choose_last_samples
from jobs.mix.stage_shares import Demand, allocate
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read, tagged
from lakehouse.declare.relations import Relations, Rows
from schemas.mixture import mixture as mixture_table
from schemas.mixture import quotas as quotas_table
from schemas.mixture import supply as supply_table
from schemas.samples import TOKEN_COLUMNS
from schemas.samples import samples as samples_table

SIZES = tuple(column for column in TOKEN_COLUMNS if column.name in {"sample_id", "table", "n_tokens"})
SETTLED = pa.schema([("stage", pa.string()), ("line", pa.string()), ("sample_id", pa.string()), ("more", pa.bool_())])
SHARES = pa.schema(
    [("stage", pa.string()), ("line", pa.string()), ("cell", pa.string()), ("begin", pa.int64()), ("end", pa.int64())]
)


@flow(
    id="jobs.mix.mixture.draw",
    writes=mixture_table,
    kind="relational",
    reads={
        "samples": read(samples_table, where="keep"),
        "tokens": tagged("tokens", columns=SIZES),
        "supply": read(supply_table, columns=["cell", "tokens"]),
        "quotas": quotas_table,
    },
    params=DrawParams,
    tags=["mix"],
)
def draw(*, samples: Rows, tokens: Rows, supply: Rows, quotas: Rows, relations: Relations, params: DrawParams) -> Rows:
    """Draw whole samples by keyed hash until each line's target is met, repeating only where supply is short."""
    # Cells and quota lines are declared things: a few hundred rows, however large the data.
    lines = relations.to_arrow(quotas)
    tokens_of = {Cell.parse(row["cell"]): row["tokens"] for row in relations.to_arrow(supply).to_pylist()}
    shares = relations.from_arrow(share_table(lines, tokens_of))
    demands = relations.from_arrow(demand_table(lines))
    epochs = relations.from_arrow(pa.table({"epoch": pa.array(range(epoch_count(lines)), pa.int64())}))
    text = statements(params)
    placed = relations.sql(text.placed, samples=samples, tokens=tokens)
    # Three statements read it; without this each would compute it again.
    marked = relations.cached(relations.sql(text.marked, placed=placed, shares=shares, demands=demands))
    candidates = relations.sql(text.candidates, marked=marked)
    settled = relations.map_groups(candidates, ("stage", "line"), choose_line, SETTLED)
    draws = relations.sql(text.draws, marked=marked, settled=settled, epochs=epochs)
    return relations.sql(text.mixture, draws=draws, demands=demands)


def share_table(lines: pa.Table, supply: dict[Cell, int]) -> pa.Table:
    """Return the rows ``shares`` of quota rows and the supply by cell."""
    demands = [
        Demand(row["stage"], row["ordinal"], row["shared"], Cell.parse(row["cell"]), row["target"], row["max_epochs"])
        for row in lines.to_pylist()
    ]
    shares = allocate(demands, supply)
    rows = [{name: getattr(share, name) for name in SHARES.names} for share in shares]
    return pa.Table.from_pylist(rows, schema=SHARES)


def demand_table(lines: pa.Table) -> pa.Table:
    """Return the rows ``demands`` of quota rows."""
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
