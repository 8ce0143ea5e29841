"""Licences as the REUSE specification 3.3 has them beside files: ``NAME.license``, ``REUSE.toml``, ``.reuse/dep5``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.acquire.copyright_file import CopyrightFile, parse_copyright
from jobs.acquire.globs import matches
from jobs.acquire.licence_expression import joined, spdx
from jobs.acquire.spdx_header import Stated, spdx_header


@dataclass(frozen=True, slots=True)
class _Annotation:
    patterns: tuple[str, ...]
    license: str
    words: str
    override: bool


class Reuse:
    """The REUSE files of a folder; each is read once.

    Args:
        root: The folder.
        read: Returns the text of a file of it by its name, empty where there is none.
    """

    def __init__(self, root: Path, read: Callable[[str], str]) -> None:
        self._root, self._read = root, read
        self._annotations = functools.cache(self._read_annotations)
        self._copyright = functools.cache(self._read_copyright)

    def sidecar(self, name: str) -> Stated | None:
        """Return what the file ``NAME.license`` states of a file."""
        text = self._read(f"{name}.license") if (self._root / f"{name}.license").is_file() else ""
        found = spdx_header(text) if text else None
        return Stated(found.license, f"{name}.license: {found.words}") if found else None

    def override(self, name: str) -> Stated | None:
        """Return what a REUSE.toml says against whatever the file says; the outermost wins."""
        found = [self._annotation(folder, name) for folder in _folders(name)]
        return next((Stated(one.license, one.words) for one in reversed(found) if one and one.override), None)

    def of(self, name: str) -> Stated | None:
        """Return what the nearest REUSE.toml, or else ``.reuse/dep5``, says of a file."""
        for folder in _folders(name):
            annotation = self._annotation(folder, name)
            if annotation:
                return Stated(annotation.license, annotation.words)
        for folder in _folders(name):
            file = self._copyright(folder)
            stanza = file.of(name[len(folder) :]) if file else None
            if stanza:
                return Stated(stanza.license, f"{folder}.reuse/dep5: line {stanza.line}: {stanza.words}")
        return None

    def _annotation(self, folder: str, name: str) -> _Annotation | None:
        inner = name[len(folder) :]
        return next((one for one in reversed(self._annotations(folder)) if matches(inner, one.patterns)), None)

    def _read_annotations(self, folder: str) -> tuple[_Annotation, ...]:
        place = f"{folder}REUSE.toml"
        text = self._read(place) if (self._root / place).is_file() else ""
        try:
            said = tomllib.loads(text).get("annotations", [])
        except (tomllib.TOMLDecodeError, RecursionError):
            return ()
        found = []
        for body in said if isinstance(said, list) else []:
            paths, licenses = (_texts(body.get(key)) for key in ("path", "SPDX-License-Identifier"))
            if paths and licenses:
                words = f"{place}: path = {' '.join(paths)[:120]}, SPDX-License-Identifier = {' '.join(licenses)[:120]}"
                license_ = joined(spdx(one) for one in licenses)
                found.append(_Annotation(paths, license_, words, body.get("precedence") == "override"))
        return tuple(found)

    def _read_copyright(self, folder: str) -> CopyrightFile | None:
        place = f"{folder}.reuse/dep5"
        return parse_copyright(self._read(place)) if (self._root / place).is_file() else None


def _folders(name: str) -> Iterator[str]:
    """Yield the folders above a file, the nearest first, each with a slash at its end; the last is empty."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield f"{name}/"
    yield ""


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
