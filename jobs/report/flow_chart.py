"""A flow diagram: columns of blocks as high as what they hold, and bands from one column to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobs.report.markup import Markup, plain, tag

_HEIGHT, _BLOCK, _COLUMN, _LABEL, _GAP, _LEAST = 420.0, 14, 370, 260, 20.0, 1.0


@dataclass(frozen=True, slots=True)
class Band:
    """What goes from a block to one of the next column.

    Args:
        begin: The block that it leaves: (column, name).
        end: The block that it enters, in the next column.
        amount: How much, above 0.
    """

    begin: tuple[int, str]
    end: tuple[int, str]
    amount: float


def flow_chart(bands: Sequence[Band], label: str, unit: str) -> Markup:
    """Draw bands between blocks. Heights are in proportion to amounts, down to one pixel, so that nothing vanishes.

    Args:
        bands: What goes from where to where.
        label: What the picture shows, for who does not see it.
        unit: What the amounts count.
    """
    sizes = _sizes(bands)
    columns: dict[int, list[str]] = {}
    for column, name in sizes:
        columns.setdefault(column, []).append(name)
    greatest = max(sum(sizes[column, name] for name in names) for column, names in columns.items())
    scale = _HEIGHT / greatest
    tops: dict[tuple[int, str], float] = {}
    bottom = 0.0
    for column, names in sorted(columns.items()):
        y = 18.0
        for name in sorted(names, key=lambda name: (-sizes[column, name], name)):
            tops[column, name] = y
            y += max(sizes[column, name] * scale, _LEAST) + _GAP
        bottom = max(bottom, y)
    colours = {name: number % 8 for number, name in enumerate(dict.fromkeys(band.begin[1] for band in bands))}
    drawn = _bands(bands, tops, scale, colours, unit)
    for (column, name), y in tops.items():
        height, x = max(sizes[column, name] * scale, _LEAST), column * _COLUMN + 4
        words = f"{name}: {plain(int(sizes[column, name]))}"
        shown = name if len(name) <= 32 else f"{name[:31]}…"
        colour = colours.get(name, 7)
        drawn.append(tag("rect", x=x, y=y, width=_BLOCK, height=height, class_=f"fill c{colour}"))
        text = (shown, " ", tag("tspan", plain(int(sizes[column, name])), class_="axis"))
        drawn.append(tag("text", tag("title", words), *text, x=x + _BLOCK + 6, y=y + min(height / 2, 400) + 4))
    width = max(columns) * _COLUMN + _BLOCK + _LABEL
    picture = tag("svg", *drawn, width=width, height=bottom, role="img", aria_label=label)
    return tag("div", picture, class_="scroll", tabindex="0", role="region", aria_label=label)


def _sizes(bands: Iterable[Band]) -> dict[tuple[int, str], float]:
    """Return how much each block holds: what enters it or what leaves it, whichever is more."""
    entering: dict[tuple[int, str], float] = {}
    leaving: dict[tuple[int, str], float] = {}
    for band in bands:
        leaving[band.begin] = leaving.get(band.begin, 0.0) + band.amount
        entering[band.end] = entering.get(band.end, 0.0) + band.amount
    blocks = dict.fromkeys([*leaving, *entering])
    return {block: max(entering.get(block, 0.0), leaving.get(block, 0.0)) for block in blocks}


def _bands(
    bands: Sequence[Band],
    tops: Mapping[tuple[int, str], float],
    scale: float,
    colours: Mapping[str, int],
    unit: str,
) -> list[Markup]:
    out, into = dict(tops), dict(tops)
    drawn = []
    for band in sorted(bands, key=lambda band: (tops[band.begin], tops[band.end])):
        height = band.amount * scale
        x1, x2 = band.begin[0] * _COLUMN + 4 + _BLOCK, band.end[0] * _COLUMN + 4
        y1, y2 = out[band.begin], into[band.end]
        out[band.begin] += height
        into[band.end] += height
        middle, thick = (x1 + x2) / 2, max(height, _LEAST)
        path = (
            f"M{x1} {y1:.1f}C{middle} {y1:.1f} {middle} {y2:.1f} {x2} {y2:.1f}"
            f"V{y2 + thick:.1f}C{middle} {y2 + thick:.1f} {middle} {y1 + thick:.1f} {x1} {y1 + thick:.1f}Z"
        )
        words = f"{band.begin[1]} to {band.end[1]}: {plain(int(band.amount))} {unit}"
        drawn.append(tag("path", tag("title", words), d=path, class_=f"band c{colours[band.begin[1]]}"))
    return drawn
