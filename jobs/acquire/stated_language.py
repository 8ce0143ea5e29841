"""What a document says of its own language: the attribute of HTML and XML, the header of a translation catalogue."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from html.parser import HTMLParser

from jobs.acquire.languages import UNKNOWN, bcp47
from jobs.text.language_facts import common, related

# Characters of a document in which it may say so.
_HEAD = 1 << 14
_HTML = ("text/html", "application/xhtml+xml")
_META = ("content-language", "language", "dc.language", "dcterms.language", "dc:language", "og:locale")
_CATALOGUE = re.compile(r'^"Language: *([^\\"]+?) *(?:\\n)?"', re.MULTILINE)

# What templates say of pages in any language.
_DEFAULT = "en"


class _FoundError(Exception):
    """Ends the parsing where nothing more can follow."""


class _Head(HTMLParser):
    """Reads the start tags up to the body, or the root of XML."""

    def __init__(self, *, markup_of_pages: bool) -> None:
        super().__init__()
        self.pages = markup_of_pages
        self.own: list[str] = []
        self.about: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named: Mapping[str, str] = {name: value or "" for name, value in attrs}
        said = named.get("lang") or named.get("xml:lang") or ""
        if not self.pages:
            self.own.append(said)
            raise _FoundError
        if tag in {"html", "body"}:
            self.own.append(said)
        elif tag == "meta":
            about = named.get("http-equiv") or named.get("name") or named.get("property") or ""
            if about.lower() in _META:
                self.about.append(named.get("content", ""))
        if tag == "body":
            raise _FoundError

    handle_startendtag = handle_starttag


def stated_language(content: str, media_type: str) -> str:
    """Return the BCP 47 tag that a document states for the whole of itself; und where it states none.

    An attribute is believed before a ``meta`` element; one that names several languages says nothing.

    Args:
        content: The document.
        media_type: Its IANA media type.

    >>> stated_language('<html class="x" lang="yue"><body>', "text/html")
    'yue'
    """
    if media_type in _HTML or media_type.endswith("xml"):
        head = _Head(markup_of_pages=media_type in _HTML)
        # Where the parser gives up, the document says what was read before.
        with contextlib.suppress(_FoundError, AssertionError, ValueError):
            head.feed(content[:_HEAD])
        said = [*head.own, *head.about]
    elif "gettext" in media_type or media_type == "text/x-po":
        said = _CATALOGUE.findall(content[:_HEAD])
    else:
        return UNKNOWN
    tags = (bcp47(name) for name in said)
    return next((tag for tag in tags if tag != UNKNOWN and tag[1:2] != "-"), UNKNOWN)


def agreed_hint(source: str, document: str) -> str:
    """Return the tag that a source's and a document's statements make together.

    Of two that mean the same language the more exact one; else the document's own, which is nearer, but not English
    against another language, since templates say it of pages in any.

    Args:
        source: What the source says of its file; und where nothing.
        document: What the document says.

    >>> agreed_hint("zh", "zh-Hant"), agreed_hint("zh-TW", "zh"), agreed_hint("de", "en"), agreed_hint("en", "pap")
    ('zh-Hant', 'zh-TW', 'de', 'pap')
    """
    if UNKNOWN in (source, document) or not source or not document:
        return document if source in ("", UNKNOWN) else source
    here, there = source.partition("-")[0], document.partition("-")[0]
    if here == there:
        return document if document.count("-") > source.count("-") else source
    if related(here, there):
        return document if common(there) == here else source
    return source if there == _DEFAULT else document
