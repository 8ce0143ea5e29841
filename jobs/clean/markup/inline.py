"""Handlers of elements within a line, of formulas and of drawings."""

from __future__ import annotations

from typing import Any

from jobs.clean.markup.formulas import formula, subscript, superscript
from jobs.clean.markup.state import State
from jobs.clean.markup.structure import NOTE
from jobs.clean.markup.writer import LINE, PARAGRAPH


class Inline(State):
    """Superscripts, notes, ruby, formulas, drawings."""

    # Inline ---------------------------------------------------------------------------------------------------------

    def _start_superscript(self, _: Any) -> None:
        self._push()

    _start_subscript = _start_footnote = _start_superscript

    def _captured(self) -> str:
        return self._pop().text().replace("\n", " ")

    def _end_superscript(self, element: Any) -> None:
        text = self._captured()
        before = "".join(self._writer.pieces[-3:])
        self._write(superscript(text, before, mark=element.get(NOTE) is not None and len(text) <= 8))

    def _end_subscript(self, _: Any) -> None:
        self._write(subscript(self._captured()))

    def _end_footnote(self, _: Any) -> None:
        text = self._captured().strip()
        if text:
            self._write(f" [{text}]")

    def _start_path(self, element: Any) -> bool:
        self._write(_joined(element, " → "))
        return True

    def _start_keys(self, element: Any) -> bool:
        self._write(_joined(element, "+"))
        return True

    def _start_reference(self, element: Any) -> None:
        if self._titles is None:
            self._titles = _titles(self._root)
        if not "".join(element.itertext()).strip():
            self._write(self._titles.get(element.get("linkend") or "", element.get("linkend") or ""))

    def _start_quote(self, _: Any) -> None:
        self._write("“")

    def _end_quote(self, _: Any) -> None:
        self._write("”")

    def _start_reading(self, element: Any) -> None:
        before = element.getprevious()
        if before is None or before.tag != "rp" or (before.tail or "").strip():
            self._write("(")

    def _end_reading(self, element: Any) -> None:
        after = element.getnext()
        if after is None or after.tag != "rp" or (element.tail or "").strip():
            self._write(")")

    def _start_maths(self, element: Any) -> bool:
        text = formula(element)
        block = element.get("display") == "block"
        if block:
            self._gap(PARAGRAPH)
        self._write(text)
        if block:
            self._gap(PARAGRAPH)
        return True

    def _start_drawing(self, element: Any) -> bool:
        text = _labels(element)
        if text:
            self._gap(LINE)
            self._write(text)
            self._gap(LINE)
        return True


def _labels(drawing: Any) -> str:
    """Return the text of a drawing, in the order of its elements."""
    from lxml import etree

    walk = etree.iterwalk(drawing, events=("start",), tag=("text", "foreignObject", "foreignobject"))
    labels: list[str] = []
    for _, element in walk:
        labels += "".join(element.itertext()).split()
        walk.skip_subtree()
    return " ".join(labels)


def _joined(element: Any, sign: str) -> str:
    parts = [(part.tag, " ".join("".join(part.itertext()).split())) for part in element]
    shown = sign.join(text for tag, text in parts if text and not str(tag).endswith("shortcut"))
    keys = "".join(f" ({text})" for tag, text in parts if text and str(tag).endswith("shortcut"))
    return shown + keys or "".join(element.itertext())


def _titles(root: Any) -> dict[str, str]:
    """Return the titles of elements by their ids."""
    titles: dict[str, str] = {}
    for element in root.iter():
        name = element.get("id") or element.get("{http://www.w3.org/XML/1998/namespace}id")
        if name:
            title = next((part for part in element if str(part.tag).rpartition("}")[2] in {"title", "term"}), None)
            if title is not None:
                titles[name] = " ".join("".join(title.itertext()).split())
    return titles
