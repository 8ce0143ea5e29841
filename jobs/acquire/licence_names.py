"""Names of licences as packages write them, as SPDX expressions."""

from __future__ import annotations

import re

from jobs.acquire.licence_expression import joined, spdx

# More is text, not a name.
_LONGEST = 500
# Short names of Debian's machine-readable copyright format 1.0, and words of metadata, whose SPDX identifier differs
# by more than a rule.
_NAMES = {
    "expat": "MIT",
    "mit/x11": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "x11": "X11",
    "artistic": "Artistic-1.0",
    "artistic-1": "Artistic-1.0",
    "artistic-2": "Artistic-2.0",
    "perl": "Artistic-1.0 OR GPL-1.0-or-later",
    "public-domain": "LicenseRef-public-domain",
    "public domain": "LicenseRef-public-domain",
    "psf": "PSF-2.0",
    "psf-2": "PSF-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "isc license": "ISC",
    "zope public license": "ZPL-2.1",
    "bsd-2-clauses": "BSD-2-Clause",
    "bsd-3-clauses": "BSD-3-Clause",
    "2-clause bsd": "BSD-2-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "edl-1.0": "BSD-3-Clause",
    "sil-1.1": "OFL-1.1",
    "unlicensed": "LicenseRef-UNLICENSED",
    "proprietary": "LicenseRef-Proprietary",
}
# (GNU) LGPL (version) 2.1 + or "or later".
_GNU = re.compile(
    r"^(?:the )?(?:gnu )?(a|l)?(gpl|fdl|gfdl)(-niv)?(?:[- ]?v(?:ersion)?)?[- .]*"
    r"(\d(?:\.\d)?)?(?:\.0)?(-?\+|[- ](?:only|or[- ]later))?$"
)
_NUMBERED = re.compile(
    r"^(apache|mpl|cc-by(?:-nc)?(?:-nd|-sa)?|cc0|epl|cddl|ofl|lppl|bsl|zpl|w3c|mpl)[- ]?v?(\d+(?:\.\d)?)$"
)
_WORDS = re.compile(r"\b(?:the|software|license|licence|version|public|mozilla)\b|,", re.IGNORECASE)


def debian_spdx(name: str) -> str:
    """Return the SPDX expression of a Debian licence name; empty where it is not known.

    A comma before an operator binds less than one without, as the format says.

    >>> debian_spdx("GPL-2+"), debian_spdx("Expat"), debian_spdx("GPL-2 or Artistic"), debian_spdx("other")
    ('GPL-2.0-or-later', 'MIT', 'GPL-2.0-only OR Artistic-1.0', '')
    >>> debian_spdx("GPL-1+ or Artistic, and BSD-3-clause"), debian_spdx("GPL-3+ with Autoconf-exception-3.0")
    ('(GPL-1.0-or-later OR Artistic-1.0) AND BSD-3-Clause', 'GPL-3.0-or-later WITH Autoconf-exception-3.0')
    """
    if len(name) > _LONGEST:
        return ""
    return _split(" ".join(name.split()), (r",\s*(and/or|and|or)\s+", r"\s+(and/or|or)\s+", r"\s+(and)\s+"))


def named_spdx(words: str) -> str:
    """Return the SPDX expression of free words of metadata; empty where they name none.

    >>> named_spdx("GPL-3.0-only"), named_spdx("Apache License, Version 2.0"), named_spdx("GPLv2+"), named_spdx("BSD")
    ('GPL-3.0-only', 'Apache-2.0', 'GPL-2.0-or-later', '')
    """
    words = " ".join(words.split())
    return spdx(words) or _one(words) or _one(" ".join(_WORDS.sub(" ", words).split())) or debian_spdx(words)


def _split(name: str, operators: tuple[str, ...]) -> str:
    """Split by the operator that binds least, and its parts by the others."""
    if not operators:
        return _one(name)
    words = re.split(operators[0], name, flags=re.IGNORECASE)
    parts = [_split(word.strip(), operators[1:]) for word in words[::2]]
    made = parts[0]
    for part, operator in zip(parts[1:], words[1::2], strict=True):
        # "and/or" lets one choose.
        made = joined([made, part], "OR" if "or" in operator.lower() else "AND") if made and part else ""
    return made


def _one(name: str) -> str:
    lower = name.lower()
    plain, separator, exception = re.sub(r"\s+exception$", "-exception", lower).partition(" with ")
    if separator:
        known = _one(plain)
        return spdx(f"{known} WITH {exception}") if known else ""
    known = _NAMES.get(lower) or spdx(name)
    if known:
        return known
    gnu = _GNU.match(lower)
    if gnu and (gnu.group(4) or gnu.group(5)):
        kind, family, invariant, number, later = gnu.groups()
        family = {"fdl": "GFDL", "gfdl": "GFDL"}.get(family, (kind or "").upper() + "GPL")
        number = number or "1"
        version = number if "." in number else f"{number}.{1 if family == 'GFDL' else 0}"
        later = "or-later" if later and ("+" in later or "later" in later) else "only"
        return spdx(f"{family}-{version}{'-no-invariants' if invariant else ''}-{later}")
    numbered = _NUMBERED.match(lower)
    if numbered:
        number = numbered.group(2)
        return spdx(f"{numbered.group(1)}-{number if '.' in number else number + '.0'}") or spdx(
            "-".join(numbered.groups())
        )
    return ""
