"""Blocks of text as they are laid out: paragraphs apart, list items with their marks, rows and listings on lines."""

from __future__ import annotations

import re

# Stands for a line break that the document asks for, until white space is collapsed; no document holds it.
BREAK = "\x00"

_BLANKS = re.compile(r"[ \t\n\r\f]+")
# A line end between characters of scripts without spaces is no space (CSS Text 3, 4.1.3).
_WIDE = "\u2e80-\u2fff\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60"
_WIDE_LINE_END = re.compile(rf"(?<=[{_WIDE}])[ \t\r\f]*\n[ \t\n\r\f]*(?=[{_WIDE}])")

LINE, PARAGRAPH = 1, 2  # what stands between two blocks: a line end, or a blank line


class Writer:
    """Collects inline text into blocks, and blocks into a text."""

    __slots__ = ("begins", "blocks", "gap", "mark", "parts", "pieces", "solid")

    def __init__(self) -> None:
        self.parts: list[str] = []  # blocks and what stands between them
        self.pieces: list[str] = []  # inline text of the block that is being written
        self.gap = LINE  # before the next block
        self.mark = ""  # of the list item whose first block comes next
        self.begins = False  # whether the next block is the first of an item, which no blank line parts from its mark
        self.blocks = 0  # paragraphs so far
        self.solid = False  # whether a listing or another block is here that must not be folded into a line

    def end_block(self, gap: int = LINE) -> None:
        """End the block, if one is open, and leave at least a gap before the next."""
        if self.pieces:
            text = collapse("".join(self.pieces))
            self.pieces.clear()
            if text:
                self.block(text)
        if not self.begins and gap > self.gap:
            self.gap = gap

    def block(self, text: str) -> None:
        """Write a block whose line ends and blanks stay as they are."""
        if self.parts:
            self.parts.append("\n" * self.gap)
        self.blocks += self.gap == PARAGRAPH and not self.begins
        if self.mark:
            # The lines of a listing keep their columns under a mark of their own line.
            several = "\n" in text and text[:1] in " \t"
            self.parts.append(self.mark.rstrip() + "\n" if several else self.mark)
            self.mark = ""
        self.parts.append(text)
        self.gap = LINE
        self.begins = False

    def text(self) -> str:
        """Return what was written."""
        self.end_block()
        return "".join(self.parts)


def collapse(text: str) -> str:
    r"""Collapse white space as HTML does; asked-for breaks become line ends.

    >>> collapse(" two  words\n of \x00a line")
    'two words of\na line'
    """
    if text.isascii():
        if BREAK not in text:
            return " ".join(text.split())
        return "\n".join(" ".join(line.split()) for line in text.split(BREAK)).strip("\n")
    # str.split would take no-break and ideographic spaces for blanks.
    text = _BLANKS.sub(" ", _WIDE_LINE_END.sub("", text) if "\n" in text else text)
    return "\n".join(line.strip(" ") for line in text.split(BREAK)).strip("\n")
