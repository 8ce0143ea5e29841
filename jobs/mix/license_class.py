"""How freely a licence lets text be used, as a number: of two copies of a text the freer one is kept."""

from __future__ import annotations

import re

from jobs.acquire.licence_expression import choices

FREE, WEAK, STRONG, RESTRICTED, UNKNOWN = range(5)

_WEAK = re.compile(r"LGPL|MPL|EPL|CDDL|CPL|IPL|APSL|OFL|CC-BY-SA|CECILL-C|EUPL|MS-RL|LPL|ODbL", re.IGNORECASE)
_STRONG = re.compile(r"A?GPL|GFDL|OSL|SSPL|CECILL|RPL|Sleepycat|QPL|Artistic-1", re.IGNORECASE)
_RESTRICTED = re.compile(r"CC-BY(-SA)?-(NC|ND)|PolyForm|BUSL|Elastic|LicenseRef-", re.IGNORECASE)
_FREE_REF = re.compile(r"LicenseRef-(.*-)?(public-domain|PD)$", re.IGNORECASE)


def license_class(expression: str) -> int:
    """Return the class of an SPDX licence expression: an AND binds by its strictest, an OR frees by its freest.

    Args:
        expression: The expression; one that cannot be read, or names what SPDX does not list, is unknown.

    Examples:
        >>> license_class("MIT"), license_class("GPL-2.0-only OR MIT"), license_class("GPL-2.0-only AND (MIT)")
        (0, 0, 2)
    """
    return min((max(map(_named, choice)) for choice in choices(expression)), default=UNKNOWN)


def _named(name: str) -> int:
    name, _, exception = name.partition(" WITH ")
    if _FREE_REF.match(name):
        return FREE
    for pattern, value in ((_RESTRICTED, RESTRICTED), (_WEAK, WEAK), (_STRONG, STRONG)):
        if pattern.match(name):
            # An exception allows more: what it is about is no longer bound as strongly.
            return WEAK if exception and value == STRONG else value
    return FREE
