"""The cache of retrieved packages: fetched once, unpacked whole or not at all, read offline ever after.

A package is stored in ``<cache>/packages/<connector>/<name>@<version>/``: its files in ``files/``, and what is
known of it in ``package.json``. The folder is made beside its place and renamed into it, so another
process sees all of it or nothing.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.acquire.connectors.base import Package, Retrieved, SourceSkippedError

_DESCRIPTION = "package.json"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a connector reports of the package that it unpacked.

    Args:
        version: Its version.
        license: SPDX expression of its own metadata; empty where it states none.
        evidence: Where that was read, and the words.
        archive: SHA-256 of the archive, hex.
        refused: Members that were not unpacked, and why.
    """

    version: str
    license: str
    evidence: str
    archive: str
    refused: tuple[str, ...] = ()


def cache_root() -> Path:
    """Return the cache folder: ``MIXLAKE_CACHE``, or ``mixlake`` in the user's cache folder."""
    chosen = os.environ.get("MIXLAKE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mixlake"


def cached(package: Package) -> Retrieved | None:
    """Return a package that was retrieved before, or None."""
    place = cache_root() / "packages" / package.slug
    if not (place / "files").is_dir():  # cleaned away by half
        return None
    try:
        known = json.loads((place / _DESCRIPTION).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return Retrieved(
        root=place / "files",
        version=known["version"],
        license=known["license"],
        evidence=known["evidence"],
        at=dt.datetime.fromisoformat(known["at"]),
        archive=known["archive"],
        refused=tuple(known.get("refused", ())),
    )


def retrieve(package: Package, fetch: Callable[[Path, Path], Unpacked]) -> Retrieved:
    """Return a package from the cache, fetching it where it is not there.

    Args:
        package: The package.
        fetch: Called with a scratch folder and an empty folder to unpack into.

    Raises:
        SourceSkippedError: If it cannot be fetched or the cache cannot be written.
    """
    entry = cached(package)
    if entry is not None:
        return entry
    place = cache_root() / "packages" / package.slug
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(place), tempfile.TemporaryDirectory(prefix=".new-", dir=place.parent) as scratch:
            entry = cached(package)
            if entry is not None:
                return entry
            download, whole = Path(scratch, "download"), Path(scratch, "whole")
            download.mkdir()
            (whole / "files").mkdir(parents=True)
            unpacked = fetch(download, whole / "files")
            now = dt.datetime.now(dt.UTC)
            description = {
                "package": str(package),
                "version": unpacked.version,
                "license": unpacked.license,
                "evidence": unpacked.evidence,
                "archive": unpacked.archive,
                "refused": list(unpacked.refused),
                "at": now.isoformat(timespec="seconds"),
            }
            (whole / _DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", "utf-8")
            if place.exists():  # half a package that an older kill or a user's hand left
                shutil.rmtree(place)
            whole.rename(place)
    except OSError as error:
        raise SourceSkippedError(
            f"{package}: the cache {cache_root()} cannot be written: {error}", "set MIXLAKE_CACHE to a folder of yours"
        ) from error
    done = cached(package)
    if done is None:
        raise SourceSkippedError(f"{package}: the cache {cache_root()} changed while it was written", "run again")
    return done


@contextlib.contextmanager
def _only_one(place: Path) -> Iterator[None]:
    """Let one process at a time fetch a package; where the file system has no locks, the rename decides."""
    with place.with_name(f".{place.name}.lock").open("a") as lock:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
