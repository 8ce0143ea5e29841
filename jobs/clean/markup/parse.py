"""Markup to a tree by libxml2, in bounded time and memory.

The depth of a document is the depth of its tree: libxml2 stops at 2,048 elements within elements. Old pages get there
with formatting elements that are never closed (``<font>``, ``<b>``), so these are taken out before a page is refused.
Entities of an internal DTD are expanded, within libxml2's bounds (a document grows to five times its size at most, once
it is large); external entities and DTDs are never read.
"""

from __future__ import annotations

import html
import re
from typing import Any

DEEPEST = 2048
MOST_ATTRIBUTES = 1000
_LARGE_TAG = 1 << 12

_TAG = re.compile(rf"<[A-Za-z](?:[^<>\"']|\"[^\"]*+\"|'[^']*+'){{{_LARGE_TAG // 4},}}+")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_BETWEEN = re.compile(r"[\s/\"]+")
_FORMATTING = re.compile(
    r"</?(?:a|abbr|acronym|b|basefont|big|center|code|em|font|i|ins|kbd|label|nobr|s|small|span|strike|strong|tt|u|var)"
    r"(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)

# What no character of XML 1.0 is: C0 controls but for tab and line ends, surrogates, and two non-characters.
_NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_ENTITY = re.compile(r"<!ENTITY\s+([^\s%\"'>]+)\s+(SYSTEM|PUBLIC)?")
_REFERENCE = re.compile(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|&([A-Za-z_:][\w.:-]*);", re.DOTALL)
_PREDEFINED = frozenset(("amp", "lt", "gt", "quot", "apos"))


def parse_html(markup: str) -> Any:
    """Return the root of a page, or None where it has no element and no text.

    Args:
        markup: The page.

    Raises:
        ValueError: If it is nested without end, or an element has attributes without end.
    """
    markup = _NO_CHARACTER.sub("", markup.replace("\f", " "))
    _refuse_attributes(markup)
    root, error = _html(markup)
    if "depth" in error:
        root, error = _html(_FORMATTING.sub("", markup))
    if error:
        raise ValueError(error)
    return root


def parse_xml(markup: str, *, strict: bool = False) -> Any:
    """Return the root of an XML document, or None where it has none.

    What is not well-formed is read as far as it can be parsed. A reference to an entity that the document does not
    declare is the character that HTML and the ISO sets call so, or stays as it is written.

    Args:
        markup: The document.
        strict: Whether to return None where it is not well-formed.

    Raises:
        ValueError: If it is nested or its entities expand without end, or an element has attributes without end.
    """
    from lxml import etree

    markup = _DECLARATION.sub("", _NO_CHARACTER.sub("", markup.replace("\f", " "))).strip()
    _refuse_attributes(markup)
    head = markup[: max(markup.find("]>"), 0)]
    entities = dict(_ENTITY.findall(head))
    parser = etree.XMLParser(
        encoding="utf-8",
        recover=not strict,
        # Without it libxml2 bounds the expansion of entities; with it, it takes depth and text as they come on the web.
        huge_tree=not entities,
        resolve_entities="internal",
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )
    try:
        root = etree.fromstring(_resolved(markup, entities).encode(), parser)
    except etree.XMLSyntaxError:
        root = None
    error = _limit(parser)
    if error:
        raise ValueError(error)
    return root


def _html(markup: str) -> tuple[Any, str]:
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = etree.fromstring(markup.encode(), parser)
    except etree.XMLSyntaxError:  # nothing but comments, or nothing at all
        root = None
    return root, _limit(parser)


def _limit(parser: Any) -> str:
    """Return which of libxml2's limits a document went over; empty where none."""
    for entry in parser.error_log:
        if entry.type_name in {"ERR_RESOURCE_LIMIT", "ERR_ENTITY_LOOP"}:
            if "depth" in entry.message:
                return f"its elements are nested more than {DEEPEST} deep (depth of the tree)"
            if "ntity" in entry.message or "mplification" in entry.message:
                return "its entities expand without end"
            return f"libxml2 gave up: {entry.message.strip()}"
    return ""


def _resolved(markup: str, entities: dict[str, str]) -> str:
    """Resolve the references that the document's own declarations do not."""
    if "&" not in markup:
        return markup

    def resolve(match: re.Match[str]) -> str:
        name = match[1]
        if name is None or name in _PREDEFINED or entities.get(name) == "":
            return match[0]
        if name in entities:  # declared, but the text is in another file
            return ""
        characters = html.unescape(match[0])
        if characters == match[0]:
            return f"&amp;{name};"
        return "".join(f"&#{ord(c)};" if c not in "<&" else html.escape(c) for c in characters)

    return _REFERENCE.sub(resolve, markup)


def _refuse_attributes(markup: str) -> None:
    """Refuse attributes without end: the parser compares each with all before it."""
    if len(markup) < _LARGE_TAG:
        return
    for tag in _TAG.finditer(markup):
        if len(_BETWEEN.findall(_QUOTED.sub('"', tag[0]))) > MOST_ATTRIBUTES:
            raise ValueError(f"an element has more than {MOST_ATTRIBUTES} attributes")
