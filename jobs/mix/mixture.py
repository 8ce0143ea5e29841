"""The mixture: which sample goes to which stage, how often, and at which virtual time."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from jobs.mix.caps import Caps, are_declared, choose_at_most, tightened
from jobs.mix.cells import Cell
from jobs.mix.draw import DrawParams, Statements, statements
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
SETTLED = pa.schema([(name, pa.string()) for name in ("stage", "line", "part", "sample_id")] + [("more", pa.bool_())])
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
    given = {"placed": placed, "shares": shares, "demands": demands}
    counted = _counted(given, Caps(), relations, text)
    if are_declared(lines):
        counted = relations.cached(counted)
        caps = Caps()
        # A row for each source of each line. Each pass caps a source more or documents closer, so that it ends.
        while (met := tightened(caps, relations.to_arrow(relations.sql(text.taken, counted=counted)), lines)) != caps:
            caps = met
            counted = relations.cached(_counted(given, caps, relations, text))
    draws = relations.sql(text.draws, counted=counted, epochs=epochs)
    return relations.sql(text.mixture, draws=draws, demands=demands)


def _counted(given: Mapping[str, Rows], caps: Caps, relations: Relations, text: Statements) -> Rows:
    """Return how often each sample is drawn, under the caps that were met."""
    given = {
        **given,
        "document_caps": relations.from_arrow(caps.document_table()),
        "source_caps": relations.from_arrow(caps.source_table()),
    }
    statement = text.marked if caps == Caps() else text.marked_capped
    if caps == Caps():
        del given["document_caps"]
    # Three statements read it; without this each would compute it again.
    marked = relations.cached(relations.sql(statement, **given))
    candidates = relations.sql(text.candidates, marked=marked)
    settled = relations.map_groups(candidates, ("stage", "line", "part"), choose_line, SETTLED)
    return relations.sql(text.counted, marked=marked, settled=settled)


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
    """Settle one part of a stage's line; a capped source takes no more than its cap.

    Args:
        group: The samples near its end: stage, line, part, sample_id, n_tokens, more, distance, target, needed.

    Returns:
        stage, line, part, sample_id, and whether it goes in once more.
    """
    rows = group.sort_by([("distance", "ascending"), ("sample_id", "ascending")])
    if rows.num_rows == 0:
        return rows.select(SETTLED.names)
    sizes = rows.column("n_tokens").to_numpy().astype(np.int64)
    taken = rows.column("more").to_numpy(zero_copy_only=False).astype(bool)
    choose = choose_at_most if rows.column("part")[0].as_py() else choose_last_samples
    chosen = choose(sizes, taken, rows.column("needed")[0].as_py(), rows.column("target")[0].as_py())
    kept = rows.select(["stage", "line", "part", "sample_id"])
    return kept.append_column("more", pa.array(chosen))
