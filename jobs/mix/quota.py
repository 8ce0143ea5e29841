"""The declared quota: stages, and the tokens that each asks of each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.acquire.strict_yaml import read_yaml
from jobs.mix.cells import Cell, most_specific
from jobs.mix.declared import broken, mapping, only

_LINE = {"share", "tokens", "max_epochs", "temperature"}
_STAGE = {"share", "tokens", "shared", "row_length", "align", "max_epochs", "cells"}
_DEFAULTS = {"row_length", "align", "max_epochs"}
_TOP = {"plan_tokens", "tokens", "defaults", "stages"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a stage.

    Args:
        cell: What it asks for.
        target: Tokens.
        max_epochs: How often a sample may be used.
        temperature: How evenly the target is spread over kinds; 1 leaves them as they are.
    """

    cell: Cell
    target: float
    max_epochs: float
    temperature: float = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage.

    Args:
        name: Its name.
        shared: Whether it draws from samples that other stages own.
        row_length: Length of a packed row.
        align: Documents begin at multiples of it.
        lines: What it asks for.
    """

    name: str
    shared: bool
    row_length: int
    align: int
    lines: Sequence[Line] = ()


@dataclass
class _Draft:
    """A stage while files are read: the first file that names it sets it up, later ones add lines."""

    tokens: float
    shared: bool
    row_length: int
    align: int
    max_epochs: float
    lines: dict[Cell, Line] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quota:
    """All stages, in their order.

    Args:
        stages: The stages.
        scale: Tokens of the plan over tokens of this copy of it.
    """

    stages: Sequence[Stage]
    scale: float


def load_quota(path: str | Path, more: Sequence[str | Path] = ()) -> Quota:
    """Read the quota file and files that add lines or stages to it.

    Raises:
        ConfigError: If a file is broken or says a line twice; names file and line.
    """
    drafts: dict[str, _Draft] = {}
    tokens = plan = 0.0
    for number, place in enumerate([Path(path), *map(Path, more)]):
        body = read_yaml(place, "tokens" if number == 0 else "stages")
        only(place, body, _TOP if number == 0 else {"stages"})
        if number == 0:
            tokens = _positive(place, body, "tokens")
            plan = _positive(place, body, "plan_tokens", tokens)
            defaults = mapping(place, body, "defaults")
            only(place, defaults, _DEFAULTS)
            base = {
                key: _positive(place, defaults, key, fallback) for key, fallback in (("align", 1), ("max_epochs", 1))
            }
            base["row_length"] = _positive(place, defaults, "row_length", 4096)
        stages = mapping(place, body, "stages")
        for name in stages:
            spec = mapping(place, stages, name)
            only(place, spec, _STAGE)
            if name not in drafts:
                drafts[name] = _draft(place, stages, name, tokens, base)
            _add(place, spec, drafts[name])
        if number == 0:
            _whole(place, stages, drafts)
    made = [Stage(k, d.shared, d.row_length, d.align, tuple(d.lines.values())) for k, d in drafts.items()]
    return Quota(tuple(made), plan / tokens)


def spread(lines: Sequence[Line], supply: Mapping[Cell, int]) -> list[Line]:
    """Spread lines that have a temperature T over kinds: shares go by supply ** (1 / T).

    Temperature sampling as in multilingual pretraining (arXiv:1907.05019, section 4.1). A line whose cells hold
    nothing stays as it is, so that its shortfall shows.

    Args:
        lines: Of one stage.
        supply: Tokens by cell.
    """
    patterns = [line.cell for line in lines]
    made: list[Line] = []
    for line in lines:
        mine = {cell: n for cell, n in supply.items() if n > 0 and most_specific(cell, patterns) == line.cell}
        if line.temperature == 1.0 or not mine:
            made.append(line)
            continue
        weights: dict[Cell, float] = {}
        for cell in sorted(mine):
            key = Cell(line.cell.modality, line.cell.language_group, cell.kind)
            weights[key] = weights.get(key, 0.0) + mine[cell]
        powered = {cell: n ** (1 / line.temperature) for cell, n in weights.items()}
        total = sum(powered.values())
        made.extend(Line(cell, line.target * w / total, line.max_epochs) for cell, w in powered.items())
    return made


def _draft(place: Path, stages: Any, name: str, tokens: float, base: Mapping[str, float]) -> _Draft:
    spec = mapping(place, stages, name)
    if ("share" in spec) == ("tokens" in spec):
        raise broken(place, stages, name, f"stage {name!r} needs share or tokens", "give one of the two")
    size = _positive(place, spec, "tokens") if "tokens" in spec else tokens * _positive(place, spec, "share")
    shared = spec.get("shared", False)
    if not isinstance(shared, bool):
        raise broken(place, spec, "shared", f"shared is {shared!r}", "write true or false")
    length, align = (int(_positive(place, spec, key, base[key])) for key in ("row_length", "align"))
    if length % align:
        raise broken(place, stages, name, f"row_length {length} is no multiple of align {align}", "change one of them")
    return _Draft(size, shared, length, align, _positive(place, spec, "max_epochs", base["max_epochs"]))


def _add(place: Path, spec: Any, draft: _Draft) -> None:
    cells = mapping(place, spec, "cells")
    for text in cells:
        try:
            cell = Cell.parse(text)
        except ValueError as error:
            raise broken(place, cells, text, str(error), "write text/en/* or code/code/source-code") from None
        if cell in draft.lines:
            raise broken(place, cells, text, f"{text} is asked for twice in one stage", "keep one of the two lines")
        body = cells[text]
        given = body if isinstance(body, dict) else {"share": body}
        where = body if isinstance(body, dict) else cells
        only(place, given, _LINE)
        if ("share" in given) == ("tokens" in given):
            raise broken(place, cells, text, f"{text} needs share or tokens", "give one of the two")
        key = "share" if "share" in given else "tokens"
        size = _positive(place, given, key, lines=where)
        draft.lines[cell] = Line(
            cell,
            size * draft.tokens if key == "share" else size,
            _positive(place, given, "max_epochs", draft.max_epochs),
            _positive(place, given, "temperature", 1.0),
        )


def _whole(place: Path, stages: Any, drafts: Mapping[str, _Draft]) -> None:
    """Check that the shares of the first file fill each of its stages."""
    for name, draft in drafts.items():
        filled = sum(line.target for line in draft.lines.values()) / draft.tokens
        if abs(filled - 1) > 1e-3:
            raise broken(
                place, stages, name, f"the cells of {name!r} add up to {filled:.4f} of it", "let them add up to 1"
            )


def _positive(place: Path, body: Any, key: str, default: float | None = None, lines: Any = None) -> float:
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise broken(place, lines if lines is not None else body, key, f"{key} is {value!r}", "give a number above 0")
    try:
        return float(value)
    except OverflowError:
        raise broken(place, lines if lines is not None else body, key, f"{key} is too large", "give less") from None
