"""Which hidden elements of a page its own scripts show as part of it."""

from __future__ import annotations

import re
from typing import Any

_NOT_SHOWN = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_DEFAULT = re.compile(r"(?:^|[\s_-])default", re.IGNORECASE)
# What opens over a page and closes again.
_OVER = frozenset(("dialog", "alertdialog", "menu", "tooltip", "alert", "status", "listbox"))
# Attributes of controls that name what they show.
_NAMING = "//@onclick | //@aria-controls | //@data-target | //@data-bs-target | //@data-toggle-target"
_NAME = re.compile(r"[\w.:-]+")


class Hidden:
    """The hidden elements of one page.

    Args:
        root: The page.
    """

    def __init__(self, root: Any) -> None:
        self.gone: list[Any] = []  # what is not shown
        self._root = root
        self._named: frozenset[str] | None = None
        self._opened: set[str] = set()
        self._maths: set[Any] | None = None
        self._choices: dict[Any, tuple[Any, ...]] = {}

    def is_hidden(self, element: Any) -> bool:
        """Whether an element is not shown, neither at once nor by a script: as a tab, an answer or an alternative."""
        attributes = element.attrib
        if "hidden" not in attributes and not _NOT_SHOWN.search(attributes.get("style", "")):
            return False
        role = attributes.get("role", "").lower()
        if role in _OVER or element.tag == "dialog":
            return True
        if attributes.get("hidden", "").lower() == "until-found" or role == "tabpanel":
            return False
        # Readers that cannot see the picture of a formula get its hidden MathML.
        return not (self._is_opened(element) or self._is_chosen(element) or element in self._around_maths())

    def opens(self, button: Any) -> bool:
        """Whether a button opens hidden text that is part of the page."""
        return not self._opened.isdisjoint(
            _NAME.findall(f"{button.get('aria-controls') or ''} {button.get('data-target') or ''}")
        )

    def _is_opened(self, element: Any) -> bool:
        name = element.get("id")
        if not name:
            return False
        if self._named is None:
            self._named = frozenset(word for value in self._root.xpath(_NAMING) for word in _NAME.findall(value))
        if name not in self._named:
            return False
        self._opened.add(name)
        return True

    def _is_chosen(self, element: Any) -> bool:
        parent = element.getparent()
        if parent is None:
            return False
        if parent not in self._choices:
            self._choices[parent] = _choice(parent)
        return element in self._choices[parent]

    def _around_maths(self) -> set[Any]:
        if self._maths is None:
            self._maths = set()
            for formula in self._root.iter("math"):
                for around in formula.iterancestors():
                    if around in self._maths:
                        break
                    self._maths.add(around)
        return self._maths


def _choice(parent: Any) -> tuple[Any, ...]:
    """Return which of hidden siblings that are alone in their parent are shown.

    A script chooses one of them, by the reader's system say. The one that is called default is shown, or else all. One
    hidden element alone is a part that opens.
    """
    children = tuple(parent)
    if len(children) > 64 or (parent.text or "").strip():
        return ()
    if any((child.tail or "").strip() or "hidden" not in child.attrib for child in children):
        return ()
    named = tuple(c for c in children if _DEFAULT.search(f"{c.get('class', '')} {c.get('id', '')}"))
    if named or len(children) == 1:
        return named[:1]
    for child in children[:-1]:
        child.tail = " / "
    return children
