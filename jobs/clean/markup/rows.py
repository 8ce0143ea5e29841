"""Handlers of lists and tables."""

from __future__ import annotations

from typing import Any

from jobs.clean.markup.lists import Items, Table
from jobs.clean.markup.state import State
from jobs.clean.markup.writer import LINE, PARAGRAPH


class Rows(State):
    """Lists, lists of terms and tables."""

    # Lists ----------------------------------------------------------------------------------------------------------

    def _start_unordered(self, element: Any) -> None:
        self._open_list(Items.of(element, ordered=False))

    def _start_ordered(self, element: Any) -> None:
        self._open_list(Items.of(element, ordered=True))

    def _start_terms(self, element: Any) -> None:
        self._open_list(Items.of(element, ordered=False))

    def _open_list(self, items: Items) -> None:
        self._gap(LINE if self._items and self._items[-1].is_open else PARAGRAPH)
        self._writer.solid = True
        self._items.append(items)

    def _end_unordered(self, _: Any) -> None:
        self._items.pop()
        self._gap(LINE if self._items and self._items[-1].is_open else PARAGRAPH)

    _end_ordered = _end_terms = _end_unordered

    def _start_item(self, element: Any) -> None:
        if not self._items:
            self._items.append(Items(stray=True))
        items = self._items[-1]
        writer = self._writer
        outer = writer.mark.strip()  # of an item that begins with a list
        self._next_item(items)
        indent = "  " * (sum(around.marked for around in self._items) - 1)
        mark = items.mark(element) if items.marked else ""
        writer.mark = (f"{indent[2:]}{outer} {mark}" if outer else indent + mark) if mark else ""

    def _next_item(self, items: Items) -> None:
        """Items of one paragraph each stand on lines, longer ones apart."""
        writer = self._writer
        self._gap(LINE)
        if items.began:
            writer.gap = LINE if writer.blocks == items.blocks else PARAGRAPH
        elif len(self._items) > 1 and self._items[-2].is_open:
            writer.gap = LINE
        items.began = items.is_open = writer.begins = True
        items.blocks = writer.blocks

    def _end_item(self, _: Any) -> None:
        writer = self._writer
        writer.end_block(LINE)
        writer.mark = ""
        writer.begins = False
        if self._items:
            self._items[-1].is_open = False
            if self._items[-1].stray:
                self._items.pop()

    def _start_term(self, _: Any) -> None:
        if self._items:
            if self._items[-1].in_terms:
                self._gap(LINE)
                self._writer.gap = LINE
            else:
                self._next_item(self._items[-1])
            self._items[-1].in_terms = True
        else:
            self._gap(LINE)

    def _end_term(self, _: Any) -> None:
        self._gap(LINE)
        self._writer.begins = False

    def _start_definition(self, _: Any) -> None:
        self._gap(LINE)
        if self._items:
            self._writer.gap = LINE
            self._writer.begins = True
            self._items[-1].in_terms = False
            self._items[-1].is_open = True

    _end_definition = _end_item

    # Tables ---------------------------------------------------------------------------------------------------------

    def _start_table(self, _: Any) -> None:
        self._gap(PARAGRAPH)
        self._tables.append(Table())

    def _end_table(self, _: Any) -> None:
        self._tables.pop()
        self._gap(PARAGRAPH)

    def _start_row(self, _: Any) -> None:
        self._gap(LINE)
        if self._tables:
            self._tables[-1].cells = []

    def _start_cell(self, _: Any) -> None:
        if not self._tables:
            self._gap(LINE)
            return
        if self._tables[-1].cells is None:  # outside a row
            self._gap(LINE)
        self._push()
        self._tables[-1].lists.append(self._items)
        self._items = []

    def _end_cell(self, _: Any) -> None:
        if not self._tables:
            self._gap(LINE)
            return
        table = self._tables[-1]
        self._items = table.lists.pop()
        inner = self._pop()
        text = inner.text()
        if table.cells is None:
            if text:
                self._writer.block(text)
        else:
            table.cells.append((text, inner.solid))

    def _end_row(self, _: Any) -> None:
        if not self._tables:
            self._gap(LINE)
            return
        writer = self._writer
        for text, gap in self._tables[-1].row():
            writer.gap = max(writer.gap, gap)
            writer.block(text)
            writer.solid = True
            writer.end_block(gap)
