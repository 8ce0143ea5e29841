"""Debian's machine-readable copyright files, format 1.0: which licence is stated of which files."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.acquire.licence_expression import joined, own_reference
from jobs.acquire.licence_names import debian_spdx
from jobs.acquire.spdx_header import Stated

_FIELD = re.compile(r"^([!-9;-~]+):[ \t]*(.*)$")
_ESCAPED = re.compile(r"\\.|\[", re.DOTALL)
# Folders that every package installs into: a path of the source package does not begin with them.
_SYSTEM = {"usr", "share", "lib", "bin", "sbin", "games", "src", "doc", "local", "opt", "etc", "var"}


@dataclass(frozen=True, slots=True)
class Stanza:
    """One stanza ``Files:``.

    Args:
        line: Its first line, from 1.
        patterns: The patterns of its files.
        name: Its licence's short name, as it stands.
    """

    line: int
    patterns: tuple[str, ...]
    name: str

    @property
    def license(self) -> str:
        """SPDX expression; a LicenseRef where the name is not known."""
        return debian_spdx(self.name) or own_reference(self.name)

    @property
    def words(self) -> str:
        """What it says."""
        files = " ".join(self.patterns)
        return f"Files: {files[:120]}{'...' if files[120:] else ''} License: {self.name}"


@dataclass(frozen=True, slots=True)
class CopyrightFile:
    """A copyright file.

    Args:
        stanzas: Its stanzas of files, in order.
        summary: Licence of the package as a whole, as its head states it; empty where it does not.
    """

    stanzas: tuple[Stanza, ...]
    summary: str = ""

    def of(self, path: str, *, installed: bool = False) -> Stanza | None:
        """Return the stanza of a file: the last one that matches, as the format says.

        Args:
            path: The file, relative to the source tree.
            installed: Whether it is the path where a package installs the file. A pattern then matches a tail of it,
                since where the source tree went is not said; so rather too many stanzas match than too few.
        """
        tails = _tails(path) if installed else (path.removeprefix("./"),)
        for stanza in reversed(self.stanzas):
            regex = _compiled(stanza.patterns, installed=installed)
            if any(regex.match(tail) for tail in tails):
                return stanza
        return None

    def whole(self) -> Stated:
        """Return the licence of the package: of ``Files: *``, or what its head says, or else all that is stated."""
        every = next((stanza for stanza in reversed(self.stanzas) if "*" in stanza.patterns), None)
        if every is not None:
            return Stated(debian_spdx(every.name), every.words)
        if self.summary:
            return Stated(debian_spdx(self.summary), f"License: {self.summary}")
        stated = joined(debian_spdx(stanza.name) for stanza in self.stanzas)
        return Stated(stated, "; ".join(stanza.words for stanza in self.stanzas[:3]))


def parse_copyright(text: str) -> CopyrightFile | None:
    """Read a copyright file; None where it is not machine readable.

    Paragraphs are separated by blank lines, a field goes on in lines that begin with a blank, and lines that begin
    with # are comments wherever they stand, as in control files.
    """
    paragraphs = _paragraphs(text.removeprefix("\ufeff"))
    if not paragraphs or "format" not in paragraphs[0][1]:
        return None
    stanzas = []
    for line, fields in paragraphs:
        patterns, license_ = fields.get("files", "").split(), _first_line(fields.get("license", ""))
        if patterns and license_:
            stanzas.append(Stanza(line, tuple(patterns), license_))
    return CopyrightFile(tuple(stanzas), _first_line(paragraphs[0][1].get("license", "")))


def _paragraphs(text: str) -> list[tuple[int, dict[str, str]]]:
    found: list[tuple[int, dict[str, str]]] = []
    fields: dict[str, str] = {}
    name = ""
    # Not splitlines, which would cut at form feeds and the like, which licence texts hold.
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            fields, name = {}, ""
            continue
        match = _FIELD.match(line)
        if match:
            name = match.group(1).lower()
            if not fields:
                found.append((number, fields))
            fields[name] = match.group(2).strip()
        elif name and line[0] in " \t":
            fields[name] += "\n" + line.strip()
    return found


def _first_line(value: str) -> str:
    """Return a field's first line that says something: the short name may stand on the line after the field's name."""
    return next((" ".join(line.split()) for line in value.splitlines() if line.strip(" .")), "")


def _tails(path: str) -> Sequence[str]:
    """Return an installed path and its tails, those left out that begin in a folder of the system."""
    parts = path.split("/")
    first = 0
    while first < len(parts) - 1 and parts[first] in _SYSTEM:
        first += 1
    return [path, *("/".join(parts[at:]) for at in range(first, len(parts)))]


@functools.lru_cache(maxsize=65536)
def _compiled(patterns: tuple[str, ...], *, installed: bool) -> re.Pattern[str]:
    """Return the regular expression of patterns: * and ? match slashes, too, and a backslash takes the next as it is.

    Of an installed file the leading folders of a pattern may be gone, while two names without wildcards remain.
    """
    every = [pattern.removeprefix("./") for pattern in patterns]
    for parts in [pattern.split("/") for pattern in every] if installed else ():
        literal = [not re.search(r"[*?\\]", part) for part in parts]
        every += ["/".join(parts[at:]) for at in range(1, len(parts) - 1) if all(literal[: at + 2])]
    # fnmatch makes expressions that take linear time, whatever the pattern.
    return re.compile("|".join(fnmatch.translate(_ESCAPED.sub(_bracketed, pattern)) for pattern in every))


def _bracketed(match: re.Match[str]) -> str:
    """Write an escaped wildcard, or a bracket, which is nothing special here, as fnmatch has it."""
    character = match.group()[-1]
    return f"[{character}]" if character in "*?[" else character
