"""HTML and SVG in which every text is escaped: only what `tag` and `join` made counts as markup."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterable

# Control characters, unpaired surrogates and the like have no place in HTML.
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_VOID = frozenset({"br", "hr", "img", "link", "meta"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def escape(value: object) -> Markup:
    """Return a value as text of a page: escaped, unfit characters replaced; None is empty, markup stays as it is."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_UNFIT.sub("\ufffd", "" if value is None else plain(value)), quote=True))


def plain(value: object) -> str:  # noqa: PLR0911 - one a kind of value
    """Return a value as people read it: whole numbers in groups, other numbers short, times in UTC to the second."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, dict):
        return ", ".join(f"{plain(key)}: {plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return str(value)


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: Its name; a constant of the code, never a text of the lake.
        children: What it contains: markup, and values that are escaped.
        attributes: Its attributes; an underscore at the end of a name is dropped, others become hyphens. Those that
            are None or False are left out, True is an attribute without a value.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.rstrip("_").replace("_", "-")
        shown = f"{value:.6g}" if isinstance(value, float) else value if isinstance(value, str) else str(value)
        parts.append(label if value is True else f'{label}="{escape(shown)}"')
    opened = Markup(f"<{' '.join(parts)}>")
    return opened if name in _VOID else Markup(f"{opened}{join(children)}</{name}>")


def join(parts: Iterable[object]) -> Markup:
    """Return parts one after another, those that are not markup escaped."""
    return Markup("".join(escape(part) for part in parts))
