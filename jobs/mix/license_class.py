"""How freely a licence lets text be used, as a number: of two copies of a text the freer one is kept."""

from __future__ import annotations

import re

FREE, WEAK, STRONG, RESTRICTED, UNKNOWN = range(5)

_TOKEN = re.compile(r"\(|\)|[^\s()]+")
_WEAK = re.compile(r"LGPL|MPL|EPL|CDDL|CPL|IPL|APSL|OFL|CC-BY-SA|CECILL-C|EUPL|MS-RL|LPL|ODbL", re.IGNORECASE)
_STRONG = re.compile(r"A?GPL|GFDL|OSL|SSPL|CECILL|RPL|Sleepycat|QPL|Artistic-1", re.IGNORECASE)
_RESTRICTED = re.compile(r"CC-BY(-SA)?-(NC|ND)|PolyForm|BUSL|Elastic|LicenseRef-", re.IGNORECASE)
_FREE_REF = re.compile(r"LicenseRef-(.*-)?(public-domain|PD)$", re.IGNORECASE)


def license_class(expression: str) -> int:
    """Return the class of an SPDX licence expression: an AND binds by its strictest, an OR frees by its freest.

    Args:
        expression: The expression; what cannot be read is unknown.

    Examples:
        >>> license_class("MIT"), license_class("GPL-2.0-only OR MIT"), license_class("GPL-2.0-only AND (MIT)")
        (0, 0, 2)
    """
    tokens = _TOKEN.findall(expression)
    try:
        value, end = _any_of(tokens, 0)
    except IndexError:
        return UNKNOWN
    return value if end == len(tokens) else UNKNOWN


def _any_of(tokens: list[str], at: int) -> tuple[int, int]:
    value, at = _all_of(tokens, at)
    while at < len(tokens) and tokens[at].upper() == "OR":
        other, at = _all_of(tokens, at + 1)
        value = min(value, other)
    return value, at


def _all_of(tokens: list[str], at: int) -> tuple[int, int]:
    value, at = _one(tokens, at)
    while at < len(tokens) and tokens[at].upper() == "AND":
        other, at = _one(tokens, at + 1)
        value = max(value, other)
    return value, at


def _one(tokens: list[str], at: int) -> tuple[int, int]:
    if tokens[at] == "(":
        value, at = _any_of(tokens, at + 1)
        if tokens[at] != ")":
            return UNKNOWN, len(tokens) + 1
        return value, at + 1
    value, at = _named(tokens[at]), at + 1
    if at < len(tokens) and tokens[at].upper() == "WITH":
        # An exception allows more: what it is about is no longer bound as strongly.
        return (WEAK if value == STRONG else value), at + 2
    return value, at


def _named(name: str) -> int:
    if name.upper() in {"NOASSERTION", "NONE"} or not name[0].isalnum():
        return UNKNOWN
    if _FREE_REF.match(name):
        return FREE
    for pattern, value in ((_RESTRICTED, RESTRICTED), (_WEAK, WEAK), (_STRONG, STRONG)):
        if pattern.match(name):
            return value
    return FREE
