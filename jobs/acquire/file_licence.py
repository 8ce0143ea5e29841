"""Which licence a file has: what it states itself, its source's copyright file, REUSE files, its package, in turn.

What is read is compared with what the source declares. A file that states otherwise keeps its own licence and is
marked `NEEDS_REVIEW`; a policy decides what becomes of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.acquire.copyright_file import CopyrightFile, parse_copyright
from jobs.acquire.file_guard import stat_source_file
from jobs.acquire.licence_expression import UNKNOWN, agrees, spdx
from jobs.acquire.package_licence import npm_licence
from jobs.acquire.reuse import Reuse
from jobs.acquire.source_list import Source
from jobs.acquire.spdx_header import Stated, head_text, spdx_header

# More than any copyright file.
_MOST_BYTES = 16 << 20
AGREED, NEEDS_REVIEW = "agreed", "needs_review"


@dataclass(frozen=True, slots=True)
class FileLicence:
    """The licence of one file, by the names of its columns.

    Args:
        license: SPDX expression; NOASSERTION where the file states one that cannot be read.
        license_status: `AGREED` or `NEEDS_REVIEW`.
        license_evidence: Where the licence was read, and the words.
        declared_license: What the source declares.
        declared_evidence: Where that was read, and the words.
    """

    license: str
    license_status: str
    license_evidence: str
    declared_license: str
    declared_evidence: str


class FileLicences:
    """The licences of a source's files.

    Args:
        root: The source's folder.
        source: Its declaration.
        known: Its row of ``bronze.sources``.
    """

    def __init__(self, root: Path, source: Source, known: Mapping[str, Any]) -> None:
        self._root, self._source = root, source
        self._declared = spdx(source.license) or source.license
        self._declared_evidence = known.get("license_evidence") or "as declared"
        stated = known.get("package_license") or ""
        self._package = Stated(stated, self._declared_evidence) if stated else None
        self._copyright_name = copyright_name(root, source)
        self._copyright = self._read_copyright()
        self._reuse = Reuse(root, self._text)
        self._manifests: dict[str, Stated | None] = {}

    def of(self, name: str, head: bytes, media_type: str) -> FileLicence:
        """Return the licence of a file.

        Args:
            name: Its path, relative to the source's folder.
            head: Its first bytes, `jobs.acquire.spdx_header.HEAD_BYTES` of them.
            media_type: Its IANA media type.
        """
        stated = self._stated(name, head, media_type)
        if stated is None:
            return self.declared()
        license_ = stated.license or "NOASSERTION"
        status = AGREED if self._allowed(stated.license) else NEEDS_REVIEW
        return FileLicence(license_, status, stated.words, self._declared, self._declared_evidence)

    def declared(self) -> FileLicence:
        """Return the licence of a file that states none, or of which nothing could be read."""
        return FileLicence(self._declared, AGREED, self._declared_evidence, self._declared, self._declared_evidence)

    def _allowed(self, stated: str) -> bool:
        """Whether the declaration holds for a file that states a licence, or lets single files state it."""
        if "*" in self._source.file_licenses:
            return True
        if not stated:
            return False
        if self._declared in UNKNOWN:
            return True
        return any(agrees(stated, one) for one in (self._declared, *self._source.file_licenses))

    def _stated(self, name: str, head: bytes, media_type: str) -> Stated | None:
        own = spdx_header(head_text(head), media_type)
        if own is not None:
            own = Stated(own.license, f"{name}: {own.words}")
        over = self._reuse.override(name)
        if over is not None:
            return over
        return own or self._reuse.sidecar(name) or self._stanza(name) or self._reuse.of(name) or self._manifest(name)

    def _stanza(self, name: str) -> Stated | None:
        if self._copyright is None:
            return None
        stanza = self._copyright.of(name, installed=self._source.connector == "apt")
        return Stated(stanza.license, f"{self._copyright_name}: line {stanza.line}: {stanza.words}") if stanza else None

    def _manifest(self, name: str) -> Stated | None:
        """Return what the package says, or the bundled package that the file is of."""
        before, bundled, after = name.rpartition("node_modules/")
        if not bundled:
            return self._package
        parts = after.split("/")
        place = f"{before}{bundled}{'/'.join(parts[: 2 if after.startswith('@') else 1])}/package.json"
        if place not in self._manifests:
            self._manifests[place] = None
            try:
                said = json.loads(self._text(place) or "null")
            except (ValueError, RecursionError):
                said = None
            if isinstance(said, dict):
                stated = npm_licence(said)
                if stated.stated:
                    self._manifests[place] = Stated(
                        stated.beside(self._declared) or self._declared, f"{place}: {stated.words}"
                    )
        return self._manifests[place] or self._package

    def _read_copyright(self) -> CopyrightFile | None:
        text = self._text(self._copyright_name) if self._copyright_name else ""
        return parse_copyright(text) if text else None

    def _text(self, name: str) -> str:
        """Return the text of a file of the source's folder; empty where it is not there or cannot be used."""
        path = self._root / name
        try:
            _, problem = stat_source_file(path, self._root.resolve(), _MOST_BYTES)
            return "" if problem else path.read_bytes().decode("utf-8-sig", "replace")
        except (OSError, ValueError):
            return ""


def copyright_name(root: Path, source: Source) -> str:
    """Return where a source's copyright file would be, relative to its folder; empty where it has none."""
    if source.connector == "apt":
        return f"usr/share/doc/{source.package}/copyright"
    if source.connector == "folder":
        return next(
            (name for name in (source.license_file, "debian/copyright") if name and (root / name).is_file()), ""
        )
    return ""
