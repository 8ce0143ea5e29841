"""HTML and XML to plain text, with the share of the visible words that the text holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from jobs.clean.markup import roles
from jobs.clean.markup.parse import parse_html, parse_xml
from jobs.clean.markup.structure import leave_shown
from jobs.clean.markup.visible import share, visible
from jobs.clean.markup.walker import Walker

HTML = ("text/html", "application/xhtml+xml")
XML = ("application/xml", "text/xml")
XHTML = "application/xhtml+xml"

# Below it, what was taken for navigation by its name was content.
_LEAST_SHARE = 0.8


def extract(content: pa.Array, media_type: pa.Array, least_main: int) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return the text of markup.

    Of a page all that it shows is taken, but for navigation, banners, footers and asides, which are known by the page's
    own structure: elements and roles as HTML-AAM maps them, and names (``class="toc"``) of elements that are links.
    Where that leaves less than `least_main` characters and less than a tenth of the page, all of it is taken.

    Args:
        content: string or large_string [n], HTML or XML.
        media_type: string [n], its IANA media type.
        least_main: Characters under which the main content is doubted.

    Returns:
        large_string [n] of text, empty where there is none; float64 [n], the share of the words that the page shows
        outside navigation which the text holds; and string [n] with the reason where a document could not be read.
    """
    texts: list[str] = []
    shares: list[float | None] = []
    reasons: list[str | None] = []
    # The parser takes one document at a time, as a Python string.
    for markup, kind in zip(content, media_type, strict=True):
        text, kept, reason = "", None, None
        try:
            if kind.as_py() in HTML:
                text, kept = page_text(markup.as_py(), least_main, xhtml=kind.as_py() == XHTML)
            else:
                text, kept = xml_text(markup.as_py(), least_main)
        except (ValueError, RuntimeError, MemoryError) as error:
            reason = f"the markup could not be parsed: {error}"
        texts.append(text)
        shares.append(kept)
        reasons.append(reason)
    return pa.array(texts, pa.large_string()), pa.array(shares, pa.float64()), pa.array(reasons, pa.string())


def page_text(markup: str, least_main: int = 200, *, xhtml: bool = False) -> tuple[str, float]:
    """Return the text of a page and the share of its visible words that the text holds.

    Args:
        markup: HTML.
        least_main: Characters under which the main content is doubted.
        xhtml: Whether it is XML, if it is well-formed.

    Raises:
        ValueError: If it cannot be parsed in bounded time and memory.
    """
    return _page(markup, _xhtml if xhtml else parse_html, least_main)


def xml_text(markup: str, least_main: int = 200) -> tuple[str, float]:
    """Return the text of an XML document and the share of its words that the text holds.

    Args:
        markup: DocBook, Mallard, TEI, XHTML, or another vocabulary.
        least_main: As for `page_text`, which reads XHTML.

    Raises:
        ValueError: If it cannot be parsed in bounded time and memory.
    """
    root = parse_xml(markup)
    if root is None:
        return _page(markup, parse_html, least_main)
    _without_namespaces(root)
    if root.tag == "html":
        return _page(markup, _xhtml, least_main)
    text = Walker(root, roles.XML).text()
    return text, share(visible(root, html=False), text)


def _page(markup: str, parse: Callable[[str], Any], least_main: int) -> tuple[str, float]:
    """Write a page; where that loses too much, less of it is taken for navigation."""
    text, kept = _written(parse(markup), len(markup))
    if kept < _LEAST_SHARE:
        text, kept = _written(parse(markup), len(markup), named=False)
    if len(text) < least_main:
        whole, share_of_whole = _written(parse(markup), len(markup), named=False, everything=True)
        if len(text) * 10 < len(whole):
            return whole, share_of_whole
    return text, kept


def _written(root: Any, size: int, *, named: bool = True, everything: bool = False) -> tuple[str, float]:
    if root is None:
        return "", 1.0
    taken = leave_shown(root, size, named=named, everything=everything)
    text = Walker(root, roles.HTML, everything=everything).text()
    return text, share(f"{visible(root)} {taken}", text)


def _xhtml(markup: str) -> Any:
    """Parse what says that it is XHTML as XML, and as HTML where it is not well-formed."""
    root = parse_xml(markup, strict=True)
    if root is None:
        return parse_html(markup)
    _without_namespaces(root)
    return root


def _without_namespaces(root: Any) -> None:
    """Name the elements as HTML and DocBook 4 do."""
    for element in root.iter("{*}*"):
        element.tag = element.tag.rpartition("}")[2]
