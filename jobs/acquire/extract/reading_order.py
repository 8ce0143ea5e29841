"""The order in which lines on a page are read: column by column, by recursive cuts (Nagy and Seth, ICPR 1984)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# A gutter is at least so many line heights wide, and has columns of so many lines, characters and share of the width.
_GUTTER, _LINES, _CHARACTERS, _WIDTH = 0.5, 3, 12, 0.15
# Steps upwards, as a share of all, above which lines are not in the order of the page.
_UPWARDS = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, or a part of one, with its box in points from the lower left corner."""

    text: str
    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> float:
        """Its height on the page."""
        return (self.bottom + self.top) / 2


def blocks(lines: Sequence[Line]) -> list[list[Line]]:
    """Return the lines of a page in blocks, both in the order of reading.

    Args:
        lines: The lines, as they are drawn. That order is kept within a column but where it jumps about.
    """
    if not lines:
        return []
    height = max(median(line.top - line.bottom for line in lines), 1.0)
    return _cut(list(lines), height)


def _cut(lines: list[Line], height: float) -> list[list[Line]]:
    gutter = _gutter(lines, height)
    if gutter is not None:
        return _columns(lines, gutter, height)
    # What goes across a gutter (a title, a figure's caption) parts what is above from what is below.
    for across in _across(lines, height):
        beside = [line for line in lines if line not in across]
        gutter = _gutter(beside, height)
        if gutter is not None:
            return _parted(beside, across, gutter, height)
    return [_in_order(lines, height)]


def _columns(lines: list[Line], gutter: float, height: float) -> list[list[Line]]:
    sides = ([line for line in lines if line.right <= gutter], [line for line in lines if line.right > gutter])
    return [block for side in sides if side for block in _cut(side, height)]


def _parted(beside: list[Line], across: list[Line], gutter: float, height: float) -> list[list[Line]]:
    """Return the columns above, between and below lines that go across them."""
    found: list[list[Line]] = []
    together = False
    for line in sorted(across, key=lambda line: -line.middle):
        above = [other for other in beside if other.middle > line.middle]
        beside = [other for other in beside if other.middle <= line.middle]
        found += _columns(above, gutter, height)
        if together and not above:
            found[-1].append(line)
        else:
            found.append([line])
        together = True
    return found + _columns(beside, gutter, height)


def _gutter(lines: Sequence[Line], height: float) -> float | None:
    """Return where a vertical gap parts columns; None where none does."""
    if len(lines) < 2 * _LINES:
        return None
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    ordered = sorted(lines, key=lambda line: line.left)
    reach = ordered[0].right
    for place, line in enumerate(ordered[1:], 1):
        if line.left - reach >= _GUTTER * height:
            sides = ordered[:place], ordered[place:]
            if all(_is_column(side, right - left) for side in sides):
                return reach
        reach = max(reach, line.right)
    return None


def _is_column(lines: Sequence[Line], width: float) -> bool:
    """Whether lines are of text, not cells of a table, numbers of lines or marks of a list."""
    return (
        len(lines) >= _LINES
        and median(len(line.text) for line in lines) >= _CHARACTERS
        and median(line.right - line.left for line in lines) >= _WIDTH * width
    )


def _across(lines: Sequence[Line], height: float) -> list[list[Line]]:
    """Return, in two ways, the lines that may go across columns: over the middle, and over half the width."""
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    middle = (left + right) / 2
    ways = (
        [line for line in lines if line.left < middle - height and line.right > middle + height],
        [line for line in lines if line.right - line.left > (right - left) / 2],
    )
    # Of a page of one column all are.
    return [wide for wide in ways if wide and len(wide) <= len(lines) / 2]


def _in_order(lines: list[Line], height: float) -> list[Line]:
    upwards = sum(after.middle > before.middle + height for before, after in itertools.pairwise(lines))
    if upwards <= _UPWARDS * len(lines):
        return lines
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: -line.middle):
        if rows and rows[-1][0].middle - line.middle < height / 2:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.left)]
