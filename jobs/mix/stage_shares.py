"""Which stage owns which part of a cell's supply.

A cell's samples are in the order of a keyed hash, so that a range of their cumulative tokens is a random
part of them. Stages that do not share own ranges in proportion to what they request from the cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.mix.cells import Cell, most_specific

# Whole samples fill a range only nearly, so that a stage gets a little more than it requests.
SLACK = 1.05


@dataclass(frozen=True, slots=True)
class Demand:
    """One line of the quota table; see `schemas.mixture.quotas`."""

    stage: str
    ordinal: int
    shared: bool
    cell: Cell
    target: int
    max_epochs: float


@dataclass(frozen=True, slots=True)
class Share:
    """A range of a cell's tokens that a stage draws from.

    Args:
        stage: The stage.
        line: The quota line that it is drawn for.
        cell: The cell of the samples.
        begin: First token of the range.
        end: One past its last.
    """

    stage: str
    line: str
    cell: str
    begin: int
    end: int


def allocate(demands: Sequence[Demand], supply: Mapping[Cell, int]) -> list[Share]:
    """Return the range of each cell that each stage draws from.

    A line requests from its cells in proportion to what they contain. The ranges of stages that do not share cover a
    cell once, in the order of the stages. Where they request more than there is, each first gets what it cannot
    do without, its target over its largest number of epochs, so that a stage which may repeat its samples takes
    none from one which may not. Lines that name a kind come first: a line for any kind requests what they leave, and
    gives way to them where it has other cells.

    Args:
        demands: All lines of all stages.
        supply: Tokens by cell.
    """
    stages = sorted({(item.ordinal, item.stage) for item in demands})
    lines = {stage: [item for item in demands if item.stage == stage] for _, stage in stages}
    demanded = {stage: _demanded(lines[stage], supply) for _, stage in stages}
    left = {cell: tokens - _reserved(cell, tokens, demanded) for cell, tokens in supply.items()}
    after = {stage: _demanded(lines[stage], supply, left) for _, stage in stages}
    shares: list[Share] = []
    for cell in sorted(supply):
        owned = [(stage, *after[stage][cell]) for _, stage in stages if cell in after[stage]]
        shares.extend(_ranges(cell, supply[cell], owned))
    return shares


def _reserved(cell: Cell, supply: int, demanded: Mapping[str, Mapping[Cell, tuple[Demand, float]]]) -> float:
    """Return the tokens of a cell that lines which name its kind request, where not all have enough."""
    lines = [found[cell] for found in demanded.values() if cell in found and not found[cell][0].shared]
    named = SLACK * sum(size for line, size in lines if line.cell.kind != "*")
    return min(named, supply) if SLACK * sum(size for _, size in lines) > supply else 0.0


def _demanded(
    lines: Sequence[Demand], supply: Mapping[Cell, int], left: Mapping[Cell, float] | None = None
) -> dict[Cell, tuple[Demand, float]]:
    """Return, by cell, the line of one stage that its samples belong to, and the tokens demanded of it.

    Args:
        lines: The stage's lines.
        supply: Tokens by cell.
        left: What lines for any kind find of them; by default all.
    """
    patterns = {item.cell: item for item in lines}
    owners = {cell: most_specific(cell, patterns) for cell, tokens in supply.items() if tokens > 0}
    cells: dict[Cell, list[Cell]] = {}
    for cell, owner in owners.items():
        if owner is not None:
            cells.setdefault(owner, []).append(cell)
    made: dict[Cell, tuple[Demand, float]] = {}
    for owner, mine in cells.items():
        line = patterns[owner]
        waits = left is not None and owner.kind == "*" and not line.shared
        # A line whose cells are all requested by others has nowhere else to go, and requests them like the others.
        found = left if waits and left and sum(left[cell] for cell in mine) > 0 else supply
        held = sum(found[cell] for cell in mine)
        made |= {cell: (line, line.target * found[cell] / held) for cell in mine}
    return made


def _ranges(cell: Cell, supply: int, demanded: Sequence[tuple[str, Demand, float]]) -> list[Share]:
    """Return the ranges of one cell; demanded holds stage, line and tokens, in the order of the stages."""
    weights = _weights([(line, size) for _, line, size in demanded if not line.shared], supply)
    total = sum(weights.values())
    shares: list[Share] = []
    done = 0.0
    for stage, line, _ in demanded:
        if line.shared:
            shares.append(Share(stage, str(line.cell), str(cell), 0, supply))
            continue
        begin = round(supply * done / total) if total else 0
        done += weights[stage]
        end = round(supply * done / total) if total else 0
        if end > begin:
            shares.append(Share(stage, str(line.cell), str(cell), begin, end))
    return shares


def _weights(demanded: Sequence[tuple[Demand, float]], supply: float) -> dict[str, float]:
    """Return by stage how much of a cell it is given, in proportion; who requests a kind, or this cell alone, first."""
    wished = SLACK * sum(size for _, size in demanded)
    first = [(line, size) for line, size in demanded if line.cell.kind != "*" or size >= line.target]
    if wished <= supply or len(first) in (0, len(demanded)):
        return _squeezed(demanded, supply)
    served = _squeezed(first, supply)
    rest = max(0.0, supply - sum(served.values()))
    others = _squeezed([item for item in demanded if item not in first], rest)
    scale = min(1.0, rest / sum(others.values())) if sum(others.values()) else 0.0
    return served | {stage: scale * weight for stage, weight in others.items()}


def _squeezed(demanded: Sequence[tuple[Demand, float]], supply: float) -> dict[str, float]:
    """Return by stage its wish, or what it needs and a part of the rest of its wish where there is less."""
    wish = {line.stage: SLACK * size for line, size in demanded}
    need = {line.stage: SLACK * size / line.max_epochs for line, size in demanded}
    wished, needed = sum(wish.values()), sum(need.values())
    if wished <= supply:
        return wish
    if needed >= supply or needed >= wished:
        return need
    rest = (supply - needed) / (wished - needed)
    return {stage: need[stage] + rest * (wish[stage] - need[stage]) for stage in wish}
