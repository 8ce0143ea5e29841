"""What of a page is about getting around in it, and what it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jobs.clean.markup.hidden import Hidden
from jobs.clean.markup.roles import HTML, NAVIGATION_ROLES, Role

# Set on a superscript that refers to a note.
NOTE = "mixlake-note"
_GONE = "mixlake-gone"
_DROPPED = tuple(name for name, role in HTML.items() if role is Role.DROPPED)
_INLINE = tuple(name for name, role in HTML.items() if role is Role.INLINE and name != "html")

# Names that authors and generators (DocBook XSL, Sphinx, Doxygen, MediaWiki, AsciiDoctor) give to navigation. A name is
# not enough: most of the words must be links as well. Table-contents is the body of a table, contents is navigation.
_NAVIGATION = re.compile(
    r"(?:^|\s)(?:table-of-)?contents(?=$|\s)|"
    r"(?:^|[\s_-])(?:toc|tocs|toctree|tableofcontents|nav\w*|breadcrumbs?|menu\w*|sidebar|sphinxsidebar|pager|"
    r"pagination|skip\w*|related|quicklinks|site-?map|header|footer|banner)(?=$|[\s_-])",
    re.IGNORECASE,
)
_BOOK_TYPE = "{http://www.idpf.org/2007/ops}type"
_CANDIDATES = (
    "//*[@hidden or @role or contains(@style, 'none') or contains(@style, 'hidden')"
    " or (self::a and contains(@href, '#') and string-length(normalize-space()) < 3)]"
)
_IN_BOOKS = " | //*[@*[name()='epub:type']]"
_CONTAINERS = ("div", "ul", "ol", "dl", "table", "section", "p", "span", "a", "center")
_TITLES = ("h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt", "legend")
_LINKED = 0.6  # fraction of the letters
# What DocBook's style sheets name the rows of links around a page: titles of the chapters before and after stand there
# beside the links.
_MADE = frozenset(("navheader", "navfooter"))


def leave_shown(root: Any, size: int, *, named: bool = True, everything: bool = False) -> str:
    """Take out of a page what it does not show and what is navigation, and the tags of inline elements.

    Args:
        root: The page; its tree is changed.
        size: Characters of its markup: what is spent on looking into elements stays in proportion to it.
        named: Whether navigation is known by the names of elements as well as by their roles.
        everything: Whether navigation is left in.

    Returns:
        The text of navigation that was known by its name alone.
    """
    from lxml import etree

    hidden = Hidden(root)
    wholly = "epub" in root.nsmap or root.get("xmlns:epub")
    for element in root.xpath(_CANDIDATES + _IN_BOOKS if wholly else _CANDIDATES):
        if (
            hidden.is_hidden(element)
            or (element.tag == "a" and _is_anchor_sign(element))
            or (not everything and _role(element.attrib) in NAVIGATION_ROLES)
        ):
            hidden.gone.append(element)
    for element in hidden.gone:
        element.tag = _GONE
    taken = _take_named(root, size) if named and not everything else []
    for button in root.iter("button"):
        # A button that is a heading or opens what is below it is text.
        if hidden.opens(button) or next(button.iterancestors(*_TITLES), None) is not None:
            button.tag = "div"
    for raised in root.iter("sup"):
        around = raised.getparent()
        link = around if around is not None and around.tag == "a" else raised.find("a")
        if link is not None and (link.get("href") or "").startswith("#"):
            raised.set(NOTE, "")
    etree.strip_elements(root, _GONE, *(name for name in _DROPPED if name != "nav" or not everything), with_tail=False)
    etree.strip_tags(root, *_INLINE)
    return " ".join(taken)


def _take_named(root: Any, size: int) -> list[str]:
    """Mark navigation that is known by its name and its links; return its text, but for what tools name so."""
    taken: list[str] = []
    is_named, is_linked = _names(), _links(size)
    for element in root.iter(*_CONTAINERS):
        if element.tag == "div" and _MADE.intersection((element.get("class") or "").split()):
            element.tag = _GONE
        elif (is_named(element.get("class")) or is_named(element.get("id"))) and is_linked(element):
            element.tag = _GONE
            taken += element.itertext()
    return taken


def _role(attributes: Any) -> str:
    role = attributes.get("role") or attributes.get(_BOOK_TYPE) or attributes.get("epub:type") or ""
    return (role.split(maxsplit=1) or [""])[0].lower()


def _is_anchor_sign(link: Any) -> bool:
    """Whether a link to a place of the page is a sign, such as the pilcrow after a heading."""
    text = (link.text or "").strip()
    return 0 < len(text) <= 2 and not text.isalnum() and not len(link) and "#" in link.get("href")


def _names() -> Callable[[str | None], bool]:
    known: dict[str | None, bool] = {None: False}

    def is_named(name: str | None) -> bool:
        answer = known.get(name)
        if answer is None:
            answer = known[name] = _NAVIGATION.search(name or "") is not None
        return answer

    return is_named


def _links(size: int) -> Callable[[Any], bool]:
    """Return whether most of an element's text stands in links, asked at a cost in proportion to the page."""
    budget = 8 * size + 1000

    def is_linked(element: Any) -> bool:
        nonlocal budget
        if budget < 0:
            return False
        text = "".join(element.itertext())
        budget -= 2 * len(text) + 50
        linked = sum(_letters("".join(link.itertext())) for link in element.iter("a") if link.get("href"))
        return linked >= _LINKED * _letters(text)

    return is_linked


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))
