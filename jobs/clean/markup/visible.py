"""How much of what a page shows its text holds: words of the tree against words of the text."""

from __future__ import annotations

import re
from collections import Counter
from types import MappingProxyType
from typing import Any

# Characters of scripts without spaces are words; a word is letters and digits of the others.
_SOLO = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SOLO}]|[^\W_{_SOLO}]+")
_HAS_SOLO = re.compile(f"[{_SOLO}]")
_SIGNS = MappingProxyType({ord(c): d for c, d in zip("⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ₀₁₂₃₄₅₆₇₈₉", "0123456789n0123456789", strict=True)})
_SIGN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ₀-₉]")
# How superscripts, subscripts and marks of notes are written.
_RAISED = re.compile(r"[\^_]\(?|\[")

# No part of the content by the page's own structure; what stands in them is not counted.
_OUTSIDE = (
    "nav", "header", "footer", "aside", "script", "style", "head", "title", "template", "noscript", "noframes",
    "button", "select", "option", "textarea", "input", "datalist", "svg", "math", "audio", "video", "iframe", "object",
    "canvas", "dialog",
)  # fmt: skip
_OUTSIDE_XML = ("teiHeader", "indexterm", "info", "articleinfo", "bookinfo", "script", "style", "textobject")
_INLINE = (
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
)  # fmt: skip
_INLINE_XML = ("emphasis", "superscript", "subscript", "hi")


def words(text: str) -> Counter[str]:
    """Count the words of a text.

    >>> words("10⁶ 颗麦粒") == {"106": 1, "颗": 1, "麦": 1, "粒": 1}
    True
    """
    if not text.isascii() and _SIGN.search(text):
        text = text.translate(_SIGNS)
    return Counter(_WORD.findall(_RAISED.sub("", text)))


def visible(root: Any, *, html: bool = True) -> str:
    """Return what a tree shows outside navigation, banners, footers, asides and the controls of forms.

    Args:
        root: The tree, without what is hidden; it is changed.
        html: Whether it is a page, or another vocabulary.
    """
    from lxml import etree

    etree.strip_elements(root, *(_OUTSIDE if html else _OUTSIDE_XML), with_tail=False)
    etree.strip_tags(root, *(_INLINE if html else _INLINE_XML))
    return " ".join(root.itertext())


def share(shown: str, text: str) -> float:
    r"""Return the fraction of the visible words that a text holds; 1 where there are none.

    Words that stand as they were are compared as they stand between blanks; only the others are looked into.

    >>> share("two words", "words"), share("甲、乙", "甲\n乙")
    (0.5, 1.0)

    Args:
        shown: What a page shows.
        text: What was written of it.
    """
    if not text.isascii() and _HAS_SOLO.search(text):
        before, after = words(shown), words(text)
        total = before.total()
    else:
        left, right = Counter(shown.split()), Counter(text.split())
        before, after = words(" ".join((left - right).elements())), words(" ".join((right - left).elements()))
        total = (left & right).total() + before.total()
    return 1 - (before - after).total() / total if total else 1.0
