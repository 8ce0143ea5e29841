"""The declared quota: stages, and the tokens that each requests from each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jobs.mix.cells import Cell, most_specific
from lakehouse.declare.user_files import YamlMapping, convert, read_yaml


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a stage.

    Args:
        cell: What it selects.
        target: Tokens.
        max_epochs: How often a sample may be used.
        temperature: How evenly the target is spread over kinds; 1 leaves them as they are.
        max_document_share: Share of the target that one document may be, all its epochs together.
        max_source_share: Share of the target that one source may be.
    """

    cell: Cell
    target: float
    max_epochs: float
    temperature: float = 1.0
    max_document_share: float = 1.0
    max_source_share: float = 1.0


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


@dataclass(frozen=True, slots=True)
class _Defaults:
    row_length: float = 4096
    align: float = 1
    max_epochs: float = 1
    max_document_share: float = 1
    max_source_share: float = 1


@dataclass(frozen=True, slots=True)
class _File:
    """What the quota file says; a file that adds to it has ``stages`` alone."""

    tokens: float
    plan_tokens: float | None = None
    defaults: _Defaults = field(default_factory=_Defaults)
    stages: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _StageBody:
    share: float | None = None
    tokens: float | None = None
    shared: bool = False
    row_length: float | None = None
    align: float | None = None
    max_epochs: float | None = None
    max_document_share: float | None = None
    max_source_share: float | None = None
    cells: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _LineBody:
    share: float | None = None
    tokens: float | None = None
    max_epochs: float | None = None
    temperature: float = 1.0
    max_document_share: float | None = None
    max_source_share: float | None = None


@dataclass
class _Draft:
    """A stage while files are read: the first file that names it sets it up, later ones add lines."""

    tokens: float
    shared: bool
    row_length: int
    align: int
    max_epochs: float
    max_document_share: float
    max_source_share: float
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
        ConfigError: If a file is broken or gives a line twice; names file and line.
    """
    first = read_yaml(Path(path), "tokens")
    file = _positive(_File, first)
    defaults = _positive(_Defaults, first.mapping("defaults"))
    drafts: dict[str, _Draft] = {}
    for body in [first, *(read_yaml(Path(other), "stages") for other in more)]:
        if body is not first:
            body.require_known(["stages"])
        stages = body.mapping("stages")
        for name in stages:
            spec = _positive(_StageBody, stages.mapping(name))
            if name not in drafts:
                drafts[name] = _draft(stages, name, spec, file.tokens, defaults)
            _add(stages.mapping(name).mapping("cells"), drafts[name])
        if body is first:
            _require_whole(stages, drafts)
    made = [Stage(k, d.shared, d.row_length, d.align, tuple(d.lines.values())) for k, d in drafts.items()]
    return Quota(tuple(made), (file.plan_tokens or file.tokens) / file.tokens)


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
        made.extend(
            replace(line, cell=cell, target=line.target * w / total, temperature=1.0) for cell, w in powered.items()
        )
    return made


def _positive[T](kind: type[T], body: YamlMapping) -> T:
    """Convert a mapping, all numbers of which must be above 0."""
    made = convert(kind, body)
    for key in body:
        value = getattr(made, key)
        if isinstance(value, float) and not value > 0:
            raise body.error(key, f"{key} is {body[key]!r}", "give a number above 0")
        if key.endswith("_share") and isinstance(value, float) and value > 1:
            raise body.error(key, f"{key} is {body[key]!r}", "give a share of the line's target, up to 1")
    return made


def _draft(stages: YamlMapping, name: str, spec: _StageBody, tokens: float, defaults: _Defaults) -> _Draft:
    size = _size(stages, name, f"stage {name!r}", spec, tokens)
    length, align = int(spec.row_length or defaults.row_length), int(spec.align or defaults.align)
    if length % align:
        raise stages.error(name, f"row_length {length} is not a multiple of align {align}", "change one of them")
    return _Draft(
        size,
        spec.shared,
        length,
        align,
        spec.max_epochs or defaults.max_epochs,
        spec.max_document_share or defaults.max_document_share,
        spec.max_source_share or defaults.max_source_share,
    )


def _add(cells: YamlMapping, draft: _Draft) -> None:
    for text, value in cells.items():
        try:
            cell = Cell.parse(text)
        except ValueError as error:
            raise cells.error(text, str(error), "write text/en/* or code/code/source-code") from None
        if cell in draft.lines:
            raise cells.error(text, f"{text} is given twice in one stage", "keep one of the two lines")
        body = value
        if not isinstance(value, YamlMapping):
            body = YamlMapping(cells.file, {"": cells.lines[text]})
            body["share"] = value
        line = _positive(_LineBody, body)
        size = _size(cells, text, text, line, draft.tokens)
        draft.lines[cell] = Line(
            cell,
            size,
            line.max_epochs or draft.max_epochs,
            line.temperature,
            line.max_document_share or draft.max_document_share,
            line.max_source_share or draft.max_source_share,
        )


def _size(place: YamlMapping, key: str, what: str, spec: _StageBody | _LineBody, whole: float) -> float:
    """Return the tokens of a stage or a line, which it gives as such or as a share of a whole."""
    if (spec.share is None) == (spec.tokens is None):
        raise place.error(key, f"{what} needs share or tokens", "give one of the two")
    return spec.tokens if spec.tokens is not None else (spec.share or 0.0) * whole


def _require_whole(stages: YamlMapping, drafts: Mapping[str, _Draft]) -> None:
    """Check that the shares of the first file fill each of its stages."""
    for name, draft in drafts.items():
        filled = sum(line.target for line in draft.lines.values()) / draft.tokens
        if abs(filled - 1) > 1e-3:
            raise stages.error(name, f"the cells of {name!r} add up to {filled:.4f} of it", "let them add up to 1")
