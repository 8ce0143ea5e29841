"""Licences as packages state them: Debian copyright files and metadata fields, as SPDX expressions."""

from __future__ import annotations

import re
from pathlib import Path

# Short names of Debian's machine-readable copyright format 1.0 whose SPDX identifier differs by more than a rule.
_DEBIAN = {
    "expat": "MIT",
    "mit": "MIT",
    "artistic": "Artistic-1.0",
    "artistic-2.0": "Artistic-2.0",
    "public-domain": "LicenseRef-public-domain",
    "psf-2": "PSF-2.0",
    "python-2.0": "Python-2.0",
    "zlib": "Zlib",
    "isc": "ISC",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "postgresql": "PostgreSQL",
}
_GNU = re.compile(r"^(A?GPL|LGPL|GFDL)(?:-NIV)?-?v?(\d(?:\.\d)?)(\+)?$", re.IGNORECASE)
_OTHER = re.compile(r"^(?:(?:Apache|MPL|CC-BY(?:-SA)?|CC0|EPL|CDDL|OFL)-\d\.\d)$", re.IGNORECASE)
_FIELD = re.compile(r"^(Files|License):[ \t]*(.*)$", re.IGNORECASE)


def debian_copyright(path: Path) -> tuple[str, str]:
    """Read a Debian copyright file.

    Returns:
        The SPDX expression of its stanza ``Files: *``, or else of its first, empty where the file is not machine
        readable or names a licence that is not known here; and the words that were read.
    """
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return "", "no copyright file"
    if not any(line.startswith("Format:") for line in lines[:5]):
        words = next((line.strip() for line in lines if re.search(r"licen[cs]e|permission", line, re.IGNORECASE)), "")
        return "", f"not machine readable: {words[:160]}"
    stanzas: list[tuple[str, str]] = []
    files = ""
    for line in lines:
        match = _FIELD.match(line)
        if match and match.group(1).lower() == "files":
            files = match.group(2).strip()
        elif match and files:
            stanzas.append((files, match.group(2).strip()))
            files = ""
    if not stanzas:
        return "", "states no licence for its files"
    files, stated = next((stanza for stanza in stanzas if stanza[0] == "*"), stanzas[0])
    return debian_spdx(stated), f"Files: {files} License: {stated}"


def debian_spdx(name: str) -> str:
    """Return the SPDX expression of a Debian licence name; empty where it is not known.

    >>> debian_spdx("GPL-2+"), debian_spdx("Expat"), debian_spdx("GPL-2 or Artistic"), debian_spdx("other")
    ('GPL-2.0-or-later', 'MIT', 'GPL-2.0-only OR Artistic-1.0', '')
    """
    words = re.split(r"\s+(or|and|and/or)\s+", name.strip(), flags=re.IGNORECASE)
    parts = [_one(word) if index % 2 == 0 else _operator(word) for index, word in enumerate(words)]
    return " ".join(parts) if all(parts) else ""


def _operator(word: str) -> str:
    return "OR" if "or" in word.lower() else "AND"


def _one(name: str) -> str:
    known = _DEBIAN.get(name.lower())
    if known:
        return known
    gnu = _GNU.match(name)
    if gnu:
        family, number, later = gnu.groups()
        version = number if "." in number else f"{number}.0"
        return f"{family.upper()}-{version}-{'or-later' if later else 'only'}"
    return name if _OTHER.match(name) else ""


def same_licence(declared: str, read: str) -> bool:
    """Whether two expressions name the same licences, but for order and parentheses."""
    return _names(declared) == _names(read)


def _names(expression: str) -> list[str]:
    return sorted(word.lower() for word in re.findall(r"[^\s()]+", expression))
