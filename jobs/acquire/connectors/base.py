"""What connectors have in common: a package, what became of it, and the reason why there is none."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import MixlakeError


class SourceSkippedError(MixlakeError):
    """A source cannot be retrieved now (no client, no network, no such package); the others go on."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package to retrieve.

    Args:
        connector: apt, pip or npm.
        name: Its name there.
        version: The version wanted; empty for the one that the client chooses.
    """

    connector: str
    name: str
    version: str = ""

    @property
    def slug(self) -> str:
        """The package as a relative folder name: ``apt/git-doc@any``."""
        return f"{self.connector}/{f'{self.name}@{self.version or "any"}'.replace('/', '+')}"

    def __str__(self) -> str:
        """Return the package as people write it."""
        return f"{self.connector}:{self.name}" + (f"=={self.version}" if self.version else "")


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A folder of retrieved files.

    Args:
        root: Folder that holds them.
        version: Version of the package; empty for a plain folder.
        license: SPDX expression read from the package's own metadata; empty where it states none.
        evidence: Where the licence was read, and its words.
        at: When it was retrieved.
        archive: SHA-256 of the archive as received, hex; empty for a plain folder.
        families: Licences that the metadata's words may mean where they name none, as regular expressions.
        refused: Members of the archive that were not unpacked, and why.
    """

    root: Path
    version: str
    license: str
    evidence: str
    at: dt.datetime
    archive: str = ""
    families: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
