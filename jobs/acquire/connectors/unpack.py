"""Unpack untrusted archives: no member is written outside the folder, and no archive bomb fills the disk.

Regular files and folders are written; links are made only where they stay inside; devices, pipes and
set-user-id bits are not. Times are the archive's, so that unpacking twice gives the same listing.
"""

from __future__ import annotations

import calendar
import logging
import os
import shutil
import stat
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from jobs.acquire.connectors.base import SourceSkippedError

log = logging.getLogger("mixlake.acquire")


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How large an unpacked archive may be.

    Args:
        total: Bytes of all files together.
        file: Bytes of one file.
        members: Number of members.
        ratio: Largest unpacked size of a zip member, as a multiple of its packed size.
    """

    total: int = 4 << 30
    file: int = 1 << 30
    members: int = 500_000
    ratio: int = 2000


class _Budget:
    """Counts what was unpacked, and stops at the limits."""

    def __init__(self, limits: UnpackLimits) -> None:
        self._limits = limits
        self._total = 0
        self._members = 0

    def take(self, name: str, size: int) -> None:
        self._total += size
        self._members += 1
        if size > self._limits.file or self._total > self._limits.total or self._members > self._limits.members:
            raise SourceSkippedError(
                f"the archive is larger unpacked than is allowed (at {name!r})",
                "leave it out, or raise the limits",
            )


def unpack_tar(stream: IO[bytes], into: Path, limits: UnpackLimits | None = None) -> None:
    """Unpack a tar stream, compressed or not, into an empty folder.

    Raises:
        SourceSkippedError: If it is damaged, or larger than the limits.
    """
    budget = _Budget(limits or UnpackLimits())
    refused = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            for member in archive:
                if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
                    refused += 1
                    continue
                budget.take(member.name, member.size if member.isreg() else 0)
                # A folder's mode is not wanted: one that cannot be entered would break the rest.
                plain = member.replace(mode=0o755, deep=False) if member.isdir() else member
                try:
                    archive.extract(plain, into, set_attrs=True, filter="data")
                except (tarfile.FilterError, KeyError):
                    refused += 1
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SourceSkippedError(f"the archive is damaged: {error}", "fetch it again") from error
    _tell(refused)


def unpack_zip(path: Path, into: Path, limits: UnpackLimits | None = None) -> None:
    """Unpack a zip file (a wheel) into an empty folder.

    Raises:
        SourceSkippedError: If it is damaged, or larger than the limits.
    """
    limits = limits or UnpackLimits()
    budget = _Budget(limits)
    refused = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                target = inside(into, info.filename)
                if target is None or stat.S_ISLNK(info.external_attr >> 16):
                    refused += 1
                    continue
                budget.take(info.filename, info.file_size)
                if info.file_size > 1 << 20 and info.file_size > limits.ratio * max(info.compress_size, 1):
                    raise SourceSkippedError(f"{info.filename!r} unpacks to {info.file_size} bytes", "it is a bomb")
                if info.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as read, target.open("wb") as write:
                    shutil.copyfileobj(read, write, 1 << 20)
                when = calendar.timegm((*info.date_time, 0, 0, 0))
                os.utime(target, (when, when))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise SourceSkippedError(f"the archive is damaged: {error}", "fetch it again") from error
    _tell(refused)


def inside(root: Path, member: str) -> Path | None:
    """Return a member's path below root, or None where its name leads out of it."""
    name = PurePosixPath(member.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or not name.parts or ":" in name.parts[0] or "\0" in member:
        return None
    return root.joinpath(*name.parts)


def _tell(refused: int) -> None:
    if refused:
        log.debug("%d members left out: links or names that leave the folder, or devices", refused)
