"""Draws of made samples."""

from __future__ import annotations

import pyarrow as pa

from jobs.mix.cells import Cell
from jobs.mix.draw import DrawParams
from jobs.mix.mixture import draw as draw_mixture
from jobs.mix.quota import Line, Quota, Stage
from jobs.mix.quotas import quota_rows

MANUALS, LEGAL, CODE = Cell("text", "en", "manual"), Cell("text", "en", "legal"), Cell("code", "code", "source-code")


def samples_of(sizes: dict[Cell, list[int]], sources: list[str] | None = None) -> tuple[pa.Table, pa.Table]:
    """Return the views samples and tokens of samples of those sizes and sources."""
    rows = [(str(cell), cell.modality, n) for cell, many in sizes.items() for n in many]
    ids = [f"{i:032x}" for i in range(len(rows))]
    table = pa.array(["silver.documents"] * len(rows))
    samples = pa.table(
        {
            "sample_id": ids,
            "parent_ids": pa.array([[]] * len(rows), pa.list_(pa.string())),
            "source": sources or ["manuals"] * len(rows),
            "license": ["MIT"] * len(rows),
            "table": table,
            "modality": [row[1] for row in rows],
            "cell": [row[0] for row in rows],
            "keep": [True] * len(rows),
        }
    )
    sizes_table = pa.table(
        {"sample_id": ids, "table": table, "n_tokens": pa.array([row[2] for row in rows], pa.int32())}
    )
    return samples, sizes_table


def draw(
    relations, sizes: dict[Cell, list[int]], stages: list[Stage], params=None, order=None, sources=None
) -> pa.Table:
    samples, tokens = samples_of(sizes, sources)
    if order is not None:
        samples, tokens = samples.take(order), tokens.take(order[::-1])
    supply = {cell: sum(many) for cell, many in sizes.items() if many}
    supplied = pa.table({"cell": [str(cell) for cell in supply], "tokens": list(supply.values())})
    given = {
        "samples": samples,
        "tokens": tokens,
        "supply": supplied,
        "quotas": quota_rows(Quota(stages, 1.0), supply),
    }
    rows = {name: relations.from_arrow(table) for name, table in given.items()}
    mixture = draw_mixture(**rows, relations=relations, params=params or DrawParams(window_rows=2))
    return relations.to_arrow(mixture).sort_by([(name, "ascending") for name in ("stage", "sample_id", "epoch")])


def stage(name: str, *lines: Line, shared: bool = False) -> Stage:
    return Stage(name, shared, 1024, 1, lines)


def drawn(mixture: pa.Table, stage_name: str, cell: str) -> int:
    rows = mixture.filter((pa.compute.field("stage") == stage_name) & (pa.compute.field("cell") == cell))
    return sum(rows.column("n_tokens").to_pylist())
