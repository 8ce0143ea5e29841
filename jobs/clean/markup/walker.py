"""One walk over a tree of HTML or XML, from which its text is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jobs.clean.markup import roles
from jobs.clean.markup.inline import Inline
from jobs.clean.markup.roles import Role
from jobs.clean.markup.rows import Rows
from jobs.clean.markup.writer import BREAK, LINE, PARAGRAPH

_TEXT_BLOCKS = frozenset((Role.HEADING, Role.LISTING, Role.TERM, Role.PARAGRAPH))
_XML_TEXT = frozenset((*_TEXT_BLOCKS, Role.BLOCK, Role.ITEM, Role.CELL, Role.DEFINITION))

# What headers and footers may belong to instead of the page, and asides (HTML-AAM 1.0; sectioning roots of HTML).
_SECTIONS = ("article", "section", "nav")
_SCOPES = (*_SECTIONS, "aside", "main", "blockquote", "figure", "details", "td", "dialog")


class Walker(Rows, Inline):
    """Writes the text of a tree.

    Args:
        root: The tree.
        names: Roles by the name of an element.
        everything: Whether headers, footers, asides and what is shown without scripts or frames are taken, too.
    """

    def __init__(
        self,
        root: Any,
        names: Mapping[str, Role],
        *,
        everything: bool = False,
    ) -> None:
        super().__init__(root)
        self._names = names
        self._html = names is roles.HTML
        self._everything = everything
        self._listing = 0
        self._inside = 0  # blocks of text that are open
        self._mixed: dict[Any, bool] = {}
        self._headings: int | None = None
        self._starts: Mapping[Role, Callable[[Any], bool | None]] = {
            role: getattr(self, f"_start_{role.name.lower()}")
            for role in Role
            if hasattr(self, f"_start_{role.name.lower()}")
        }
        self._ends: Mapping[Role, Callable[[Any], None]] = {
            role: getattr(self, f"_end_{role.name.lower()}")
            for role in Role
            if hasattr(self, f"_end_{role.name.lower()}")
        }

    def text(self) -> str:
        """Return the text."""
        from lxml import etree

        walk = etree.iterwalk(self._root, events=("start", "end"))
        open_roles: list[Role] = []
        counted = _TEXT_BLOCKS if self._html else _XML_TEXT
        starts, ends = self._starts, self._ends
        for event, element in walk:
            if event == "start":
                role = self._role(element)
                if role and (start := starts.get(role)) is not None and start(element):
                    role = Role.DROPPED
                open_roles.append(role)
                if role is Role.DROPPED:
                    walk.skip_subtree()
                    continue
                self._inside += role in counted
                text = element.text
            else:
                role = open_roles.pop()
                if role:
                    self._inside -= role in counted
                    if (end := ends.get(role)) is not None:
                        end(element)
                text = element.tail
            if text:
                pieces = self._writer.pieces
                # Blanks between blocks need not be collapsed one by one.
                if pieces or self._listing or not text.isspace():
                    pieces.append(text)
        return self._writer.text()

    def _role(self, element: Any) -> Role:
        tag = element.tag
        role = self._names.get(tag)
        if role is None:
            role = self._named_role(element, tag)
        return role

    def _named_role(self, element: Any, tag: str) -> Role:
        """Return the role of an element whose name has a prefix or a namespace, or is in no table."""
        name = tag.rpartition("}")[2].rpartition(":")[2]
        role = self._names.get(name)
        if role is None:
            role = self._names.get(name.lower())
        parent = element.getparent()
        if not self._html and parent is not None:
            role = roles.WITHIN.get((str(parent.tag).rpartition("}")[2], name), role)
            if name == "title" and element.get("type") and role is Role.HEADING:  # Mallard: titles of links to it
                return Role.DROPPED
        if role is not None:
            return role
        if self._inside or parent is None:
            return Role.INLINE
        if parent not in self._mixed:
            self._mixed[parent] = _is_mixed(parent)
        return Role.INLINE if self._mixed[parent] else Role.FIELD

    # Blocks ---------------------------------------------------------------------------------------------------------

    def _start_paragraph(self, _: Any) -> None:
        self._gap(PARAGRAPH)

    def _start_block(self, _: Any) -> None:
        self._gap(LINE)

    _start_heading = _end_heading = _end_paragraph = _start_rule = _start_group = _end_group = _start_section = (
        _end_section
    ) = _start_paragraph
    _end_block = _start_field = _end_field = _start_block

    def _start_break(self, _: Any) -> None:
        self._write("\n" if self._listing else BREAK)

    def _start_listing(self, _: Any) -> None:
        if not self._listing:
            self._gap(PARAGRAPH)
        self._listing += 1

    def _end_listing(self, _: Any) -> None:
        self._listing -= 1
        if self._listing:
            return
        writer = self._writer
        text = "".join(writer.pieces).replace(BREAK, "\n").strip("\n").rstrip()
        writer.pieces.clear()
        first, _, rest = text.partition("\n")
        if not first.strip():
            text = rest
        if text.strip():
            writer.block(text)
            writer.solid = writer.solid or "\n" in text
        self._gap(PARAGRAPH)

    # Parts of a page ------------------------------------------------------------------------------------------------

    def _start_header(self, element: Any) -> bool:
        """Leave out the page's own header, a banner by HTML-AAM, but for the only title of the page."""
        if self._everything or _is_within(element, _SCOPES):
            self._gap(PARAGRAPH)
            return False
        titles = list(element.iter("h1"))
        if self._headings is None:
            self._headings = sum(1 for _ in self._root.iter("h1"))
        if len(titles) == self._headings:
            for title in titles:
                self._gap(PARAGRAPH)
                self._write("".join(title.itertext()))
        self._gap(PARAGRAPH)
        return True

    def _start_footer(self, element: Any) -> bool:
        self._gap(PARAGRAPH)
        return not (self._everything or _is_within(element, _SCOPES))

    def _start_aside(self, element: Any) -> bool:
        self._gap(PARAGRAPH)
        return not (self._everything or _is_within(element, _SECTIONS))

    _end_header = _end_footer = _end_aside = _start_paragraph

    def _start_fallback(self, _: Any) -> bool:
        self._gap(LINE)
        return not self._everything

    def _start_template(self, element: Any) -> bool:
        self._gap(LINE)
        return element.get("shadowrootmode") is None

    def _start_dialog(self, element: Any) -> bool:
        self._gap(PARAGRAPH)
        return element.get("open") is None

    _end_fallback = _end_template = _end_dialog = _start_block

    def _start_info(self, element: Any) -> bool:
        for part in element:
            name = str(part.tag).rpartition("}")[2].lower()
            if name in {"title", "subtitle"} and not part.get("type"):
                self._gap(PARAGRAPH)
                self._write("".join(part.itertext()))
        self._gap(PARAGRAPH)
        return True


def _is_within(element: Any, names: tuple[str, ...]) -> bool:
    return next(element.iterancestors(*names), None) is not None


def _is_mixed(parent: Any) -> bool:
    return bool((parent.text or "").strip()) or any((child.tail or "").strip() for child in parent)
