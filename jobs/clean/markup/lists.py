"""The marks of list items, and the rows of tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from jobs.clean.markup.writer import LINE, PARAGRAPH

_NUMERATION = {
    "arabic": "1", "loweralpha": "a", "upperalpha": "A", "lowerroman": "i", "upperroman": "I",
    "decimal": "1", "lower-alpha": "a", "lower-latin": "a", "upper-alpha": "A", "upper-latin": "A", "lower-roman": "i",
    "upper-roman": "I", "none": "",
}  # fmt: skip
_STYLE = re.compile(
    r"list-style(?:-type)?\s*:[^;]*?\b(none|(?:lower|upper)-(?:alpha|latin|roman)|decimal)\b", re.IGNORECASE
)
# An item that is numbered or marked in its own words: "1.", "(a)", "iv)", "•", "第一条".
_OWN_MARK = re.compile(r"\s*(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxlcIVXLC]{1,6})[.)](?=\s|$)|\(\d+\)|[•◦▪‣·–—*-]\s)")  # noqa: RUF001
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
# Cells of several lines are one line in their row up to this many characters; longer ones lay out a page.
_LONGEST_ROW = 2000


@dataclass(slots=True)
class Items:
    """A list that is being written.

    Args:
        ordered: Whether its items are numbered.
        kind: How: 1, a, A, i or I; empty for no mark.
        number: Of the next item.
        step: From one number to the next.
        marked: Whether its items have marks: those of a list of terms have none.
        stray: Whether it stands for an item outside of any list.
    """

    ordered: bool = False
    kind: str = "1"
    number: int = 1
    step: int = 1
    marked: bool = True
    stray: bool = False
    began: bool = False
    is_open: bool = False
    in_terms: bool = False
    blocks: int = 0

    @classmethod
    def of(cls, element: Any, *, ordered: bool) -> Items:
        """Return the list that an element opens."""
        name = str(element.tag).rpartition("}")[2]
        style = _STYLE.search(element.get("style") or "")
        kind = element.get("type") if ordered else None
        kind = kind or element.get("numeration") or (style[1].lower() if style else "1")
        kind = _NUMERATION.get(kind, kind)
        marked = name not in {"dl", "variablelist", "glosslist", "terms", "simplelist"} and kind != ""
        down = element.get("reversed") is not None
        start = element.get("start") or element.get("startingnumber") or ""
        number = int(start) if re.fullmatch(r"-?\d{1,9}", start) else 1
        if down and not start:
            number = sum(1 for child in element if str(child.tag) == "li")
        return cls(ordered, kind if kind in {"1", "a", "A", "i", "I"} else "1", number, -1 if down else 1, marked)

    def mark(self, item: Any) -> str:
        """Return the mark of the next item, with the blank after it."""
        value = item.get("value") or ""
        if self.ordered and re.fullmatch(r"-?\d{1,9}", value):
            self.number = int(value)
        number = self.number
        self.number += self.step
        if _OWN_MARK.match(_first_text(item)):
            return ""
        return f"{_numeral(number, self.kind)}. " if self.ordered else "- "


@dataclass(slots=True)
class Table:
    """A table whose rows are being written: cells as text, and whether one holds lines that must stay."""

    cells: list[tuple[str, bool]] | None = None
    lists: list[list[Items]] = field(default_factory=list)

    def row(self) -> list[tuple[str, int]]:
        """Return the row as blocks and the gaps around them: one line, its cells parted by tabs, or a block a cell."""
        cells, self.cells = self.cells or [], None
        cells = _without_line_numbers(cells)
        filled = [cell for cell in cells if cell[0]]
        if not filled:
            return []
        text, solid = filled[0]
        if len(cells) == 1 or (len(filled) == 1 and (solid or "\n" in text)):
            return [(text, PARAGRAPH if solid or "\n" in text else LINE)]
        if any(solid for _, solid in cells) or sum(len(text) for text, _ in cells) > _LONGEST_ROW:
            return [(text, PARAGRAPH) for text, _ in filled]
        return [("\t".join(" ".join(text.split("\n")) for text, _ in cells).rstrip("\t"), LINE)]


def _without_line_numbers(cells: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Leave out a cell that numbers the lines of a listing beside it."""
    if len(cells) == 2 and cells[1][1]:
        numbers = cells[0][0].split()
        if len(numbers) > 1 and all(n.isdecimal() for n in numbers):
            values = [int(n) for n in numbers]
            if values == list(range(values[0], values[0] + len(values))):
                return cells[1:]
    return cells


def _first_text(item: Any) -> str:
    """Return the first words of an item, as far as they are needed to see a mark."""
    found = item.text or ""
    for _ in range(6):
        if len(found.strip()) > 8 or not len(item):
            break
        item = item[0]
        found += item.text or ""
    return found[:200]


def _numeral(number: int, kind: str) -> str:
    """Return a number in digits, letters or Roman numerals.

    >>> _numeral(3, "1"), _numeral(28, "a"), _numeral(4, "I")
    ('3', 'ab', 'IV')
    """
    if kind in "aA" and number > 0:
        letters = ""
        while number > 0:
            number, digit = divmod(number - 1, 26)
            letters = chr(ord(kind) + digit) + letters
        return letters
    if kind in "iI" and 0 < number < 4000:
        numeral = ""
        for value, letters in _ROMAN:
            while number >= value:
                numeral += letters
                number -= value
        return numeral if kind == "i" else numeral.upper()
    return str(number)
