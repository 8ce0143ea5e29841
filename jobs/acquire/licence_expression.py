"""SPDX licence expressions: read, written in one way, and compared with what a source declares."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

UNKNOWN = ("NOASSERTION", "NONE", "")

_OWN = re.compile(r"^(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+$")
_WORD = re.compile(r"[()]|[^\s()]+")
_OPERATORS = {"and": "AND", "or": "OR", "with": "WITH"}
# Families whose licences say by which versions a file may be used: "-only", or "-or-later".
_VERSIONED = re.compile(
    r"^(?P<family>A?GPL|LGPL|GFDL)-(?P<version>\d+\.\d+)(?P<more>-[a-z-]+?)?-(?P<range>only|or-later)$"
)


@functools.cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@functools.lru_cache(maxsize=65536)
def spdx(text: str) -> str:
    """Return a licence expression as SPDX writes it; empty where it is none, or names what SPDX does not know.

    Operators are written in capitals, identifiers as in SPDX's list, deprecated ones as their successors, and
    parentheses stand where AND binds what is joined by OR. A LicenseRef is its own identifier.

    >>> spdx("mit or gpl-2.0+"), spdx("ISC and (mit or gpl-2.0)"), spdx("Foo"), spdx("MIT OR")
    ('MIT OR GPL-2.0-or-later', 'ISC AND (MIT OR GPL-2.0-only)', '', '')
    """
    parsed = _parse(text)
    if parsed is None:
        return ""
    written = ""
    while hasattr(parsed, "flatten"):  # an operation; it is flattened by one level at a time
        parsed, before = parsed.flatten(), written
        written = str(parsed.render("{symbol.key}"))
        if written == before:
            return written
        parsed = _parse(written)
    return str(parsed.render("{symbol.key}"))


def longest(text: str) -> tuple[str, str]:
    """Return the expression that a text begins with, as SPDX writes it, and its words; empty where there is none.

    >>> longest("MIT see the file LICENSE"), longest("Apache-2.0 WITH LLVM-exception, and so on")
    (('MIT', 'MIT'), ('Apache-2.0 WITH LLVM-exception', 'Apache-2.0 WITH LLVM-exception'))
    """
    found = list(_WORD.finditer(text))[:64]
    words = [match.group().rstrip(",;.") for match in found]
    for count in range(len(words), 0, -1):
        known = spdx(" ".join(words[:count]))
        # "MIT or later" states more than MIT: what is cut off may not go on with the expression, save as prose does.
        ended = words[count - 1] != found[count - 1].group()
        following = words[count].lower() if count < len(words) and not ended else ""
        if known and following not in _OPERATORS and following not in ("and/or", ")"):
            return known, text[: found[count - 1].end()].strip().rstrip(",;.")
    return "", ""


def joined(expressions: Iterable[str], operator: str = "AND") -> str:
    """Return one expression of several, each once; empty where there are none or one is no expression."""
    parts = list(dict.fromkeys(expressions))
    if not parts or not all(parts):
        return ""
    return parts[0] if len(parts) == 1 else spdx(f" {operator} ".join(f"({part})" for part in parts))


def own_reference(words: str) -> str:
    """Return the LicenseRef of a licence that SPDX does not list.

    >>> own_reference("EDL 1.0 (Eclipse)")
    'LicenseRef-EDL-1.0-Eclipse'
    """
    return f"LicenseRef-{re.sub('[^A-Za-z0-9.]+', '-', words).strip('-')[:80] or 'unnamed'}"


@functools.lru_cache(maxsize=65536)
def agrees(stated: str, declared: str) -> bool:
    """Whether a file may be used as its source declares: one choice that it states lies within the declaration.

    The licences of a declaration are those of the source's files, joined by AND or OR. A file that states ``A OR B``
    may be used by A alone; one that states ``A AND B`` must be used by both. A licence "or later" may be used by a
    later version, and one WITH an exception without it.

    >>> agrees("GPL-2.0-only OR MIT", "MIT"), agrees("GPL-2.0-only AND MIT", "MIT"), agrees("MIT", "ISC AND MIT")
    (True, False, True)
    >>> agrees("GPL-2.0-or-later", "GPL-3.0-only"), agrees("GPL-2.0-only", "GPL-2.0-or-later")
    (True, False)
    """
    said, named = _parse(stated), _parse(declared)
    if said is None or named is None:
        return stated.casefold() == declared.casefold()
    allowed = {str(symbol.render("{symbol.key}")) for symbol in named.literals}
    return any(all(any(_usable(one, by) for by in allowed) for one in choice) for choice in _choices(said))


def _parse(text: str) -> Any:
    """Return a parsed expression; None where it is none or names a licence that is not known."""
    from license_expression import ExpressionError, ParseError

    words = [_OPERATORS.get(word.lower(), word) for word in _WORD.findall(text)]
    if not words or len(words) > 512:
        return None
    licensing = _licensing()
    try:
        # ExpressionError and ParseError are what it documents; a TypeError or RecursionError its own for odd nesting.
        parsed = licensing.parse(" ".join(words), strict=True)
        unknown = licensing.unknown_license_keys(parsed)
    except (ExpressionError, ParseError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
        return None
    return parsed if all(_OWN.match(key) for key in unknown) else None


def choices(text: str) -> list[frozenset[str]]:
    """Return the sets of licences, any one of which suffices for an expression; none where it is none.

    >>> sorted(map(sorted, choices("MIT OR (ISC AND GPL-2.0-only)"))), choices("Foo")
    ([['GPL-2.0-only', 'ISC'], ['MIT']], [])
    """
    parsed = _parse(text)
    return [] if parsed is None else _choices(parsed)


def _choices(expression: Any) -> list[frozenset[str]]:
    """Return the sets of licences, any one of which suffices; at most 256, for it is exponential."""
    operator = getattr(expression, "operator", "").strip()
    if operator == "OR":
        return [choice for part in expression.args for choice in _choices(part)][:256]
    if operator == "AND":
        found = [frozenset[str]()]
        for part in expression.args:
            found = [one | other for one in found for other in _choices(part)][:256]
        return found
    return [frozenset([str(expression.render("{symbol.key}"))])]


def _usable(stated: str, by: str) -> bool:
    """Whether a file under one licence may be used by the terms of another."""
    if stated == by:
        return True
    plain, _, exception = stated.partition(" WITH ")
    wanted, _, excepted = by.partition(" WITH ")
    if excepted and excepted != exception:
        return False
    if plain == wanted:
        return True
    one, other = _VERSIONED.match(plain), _VERSIONED.match(wanted)
    return bool(
        one
        and other
        and one["range"] == "or-later"
        and (one["family"], one["more"]) == (other["family"], other["more"])
        and [int(n) for n in one["version"].split(".")] <= [int(n) for n in other["version"].split(".")]
    )
