"""HTML and XML to plain text, by resiliparse.

XML of manuals (Mallard, DocBook, TEI) is renamed to the HTML elements that mean the same, for whole columns at
once, and then read like HTML.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

HTML = ("text/html", "application/xhtml+xml")
XML = ("application/xml", "text/xml")

# Elements that are about the document rather than in it: Mallard, DocBook, TEI.
_SKIPPED = ["info", "articleinfo", "bookinfo", "sectioninfo", "indexterm", "teiheader", "script", "style"]

# Element to the HTML element that means the same; the rest is read as it is.
_RENAMED = {
    "h2": "title|subtitle|head|bridgehead",
    "p": "para|simpara|paragraph|formalpara",
    "ul": "list|itemizedlist|simplelist|variablelist",
    "ol": "steps|orderedlist|procedure",
    "li": "item|listitem|member|step|varlistentry",
    "pre": "screen|programlisting|literallayout|synopsis|listing",
    "div": "page|article|book|chapter|section|sect[1-5]|note|l|lg|example|figure|text|root|div1|div2",
    "tr": "row",
    "td": "entry|cell",
    "br": "lb",
    # Elements that HTML would read as void or hide.
    "span": "link|media|source|track|area|param|input|embed|frame|object|template|iframe|select|option|col|base|meta",
}

# As deep as browsers go; and elements that do not nest: they are empty, or end where the next one begins.
_DEEPEST = 512
_MOST_ATTRIBUTES = 1000
_SMALL = 1 << 14
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)[^>]*>")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_BETWEEN = re.compile(r"[\s/\"]+")
_EMPTIES = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
_ENDED = ("p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "option", "optgroup")
_FLAT = {*_EMPTIES, *_ENDED, "rp", "rt", "rb", "rtc"}

_PREFIX = r"<(/?)[A-Za-z_][\w.-]*:([A-Za-z_])"
_EMPTY = r"<([A-Za-z_][\w.-]*)((?:\s[^<>]*?)?)/>"
_SECTION = r"(?s)<!\[CDATA\[(.*?)\]\]>"
_PROLOGUE = r"(?s)^\s*<\?xml.*?\?>|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>"


def extract(content: pa.Array, media_type: pa.Array, least_main: int) -> tuple[pa.Array, pa.Array]:
    """Return the text of markup.

    The main content of an HTML page is taken, and all of its text where that is shorter than `least_main` and
    hides more than nine tenths: a page of links or of a table has no main content to a heuristic.

    Args:
        content: string or large_string [n], HTML or XML.
        media_type: string [n], its IANA media type.
        least_main: Characters under which the main content is doubted.

    Returns:
        large_string [n] of text, empty where there is none, and string [n] with the reason where a document could
        not be parsed.
    """
    page = pc.fill_null(pc.is_in(media_type, pa.array(HTML)), False)
    texts: list[str] = []
    reasons: list[str | None] = []
    # The parser takes one document at a time, as a Python string.
    for markup, html in zip(_as_html(content, page), page, strict=True):
        try:
            _refuse_endless(markup.as_py())
            texts.append(_page(markup.as_py(), least_main) if html.as_py() else _whole(markup.as_py()))
            reasons.append(None)
        except (ValueError, RuntimeError) as error:
            texts.append("")
            reasons.append(f"the markup could not be parsed: {error}")
    return pa.array(texts, pa.large_string()), pa.array(reasons, pa.string())


def _refuse_endless(markup: str) -> None:
    """Refuse elements within elements, and attributes, without end: the parser's time grows by their square."""
    if markup.count("<") <= _DEEPEST and len(markup) <= _SMALL:
        return
    depth = 0
    for tag in _TAG.finditer(markup, 0, markup.rfind(">") + 1):
        if len(tag[0]) > _SMALL and len(_BETWEEN.findall(_QUOTED.sub('"', tag[0]))) > _MOST_ATTRIBUTES:
            raise ValueError(f"an element has more than {_MOST_ATTRIBUTES} attributes")
        if tag[2].lower() in _FLAT:
            continue
        depth = max(depth - 1, 0) if tag[1] else depth + 1
        if depth > _DEEPEST:
            raise ValueError(f"its elements are nested more than {_DEEPEST} deep")


def _page(markup: str, least_main: int) -> str:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse(markup)
    main: str = extract_plain_text(tree, preserve_formatting=True, main_content=True, alt_texts=False)
    if len(main) >= least_main:
        return main
    whole: str = extract_plain_text(tree, preserve_formatting=True, alt_texts=False)
    return main if len(main) * 10 >= len(whole) else whole


def _whole(markup: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    text: str = extract_plain_text(markup, preserve_formatting=True, alt_texts=False, skip_elements=_SKIPPED)
    return text


def _as_html(content: pa.Array, page: pa.Array) -> pa.Array:
    """Rename the elements of the XML documents; pages are left as they are."""
    import polars as pl

    if pc.all(page).as_py():
        return content
    markup = pl.col("markup").str.replace_all(_PROLOGUE, "")
    # The content of a CDATA section is text: its brackets must not open elements.
    markup = markup.str.replace_all(_PREFIX, "<$1$2").str.replace_all(_SECTION, "<xmp>$1</xmp>")
    for html, names in _RENAMED.items():
        markup = markup.str.replace_all(rf"<(/?)(?:{names})(\s[^<>]*)?(/?)>", f"<${{1}}{html}$2$3>")
    frame = pl.DataFrame({"markup": pl.Series(pl.from_arrow(content)), "page": pl.Series(pl.from_arrow(page))})
    xml = frame.filter(~pl.col("page")).select(markup.str.replace_all(_EMPTY, "<$1$2></$1>")).to_series()
    return pc.replace_with_mask(
        content.cast(pa.large_string()), pc.invert(page), xml.to_arrow().cast(pa.large_string())
    )
