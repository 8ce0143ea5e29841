"""What of a walk the handlers of elements share."""

from __future__ import annotations

from typing import Any

from jobs.clean.markup.lists import Items, Table
from jobs.clean.markup.writer import Writer


class State:
    """What of a walk the handlers of elements share.

    Args:
        root: The tree.
    """

    def __init__(self, root: Any) -> None:
        self._root = root
        self._writer = Writer()
        self._writers: list[Writer] = []  # around a cell or a superscript
        self._items: list[Items] = []
        self._tables: list[Table] = []
        self._titles: dict[str, str] | None = None

    def _write(self, text: str) -> None:
        self._writer.pieces.append(text)

    def _gap(self, gap: int) -> None:
        self._writer.end_block(gap)

    def _push(self) -> None:
        self._writers.append(self._writer)
        self._writer = Writer()

    def _pop(self) -> Writer:
        inner, self._writer = self._writer, self._writers.pop()
        return inner
