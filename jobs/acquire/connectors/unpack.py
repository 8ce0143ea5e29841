"""Unpack untrusted archives: no member is written outside the folder, and no archive bomb fills the disk.

Regular files and folders are written; links are made only where they stay inside; devices, pipes and
set-user-id bits are not. Times are the archive's, so that unpacking twice gives the same listing.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import logging
import math
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from jobs.acquire.connectors.base import SourceSkippedError
from jobs.acquire.file_guard import RejectedError, guarded

log = logging.getLogger("mixlake.acquire")

# 1980-01-01, the first date that a zip file can state.
_ZIP_EPOCH = 315_532_800.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)


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


def unpack_tar(
    stream: IO[bytes], into: Path, limits: UnpackLimits | None = None, refused: list[str] | None = None
) -> None:
    """Unpack a tar stream, compressed or not, into an empty folder.

    Args:
        stream: The archive.
        into: The folder.
        limits: How large it may be.
        refused: Gets the name of each member that was not unpacked, and why.

    Raises:
        SourceSkippedError: If it is damaged, or larger than the limits.
    """
    budget = _Budget(limits or UnpackLimits())
    refusals = _Refusals(refused)
    with _damaged(), tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
                refusals.add(member.name, "neither a file, a folder nor a link")
                continue
            budget.take(member.name, member.size if member.isreg() else 0)
            # A folder's mode is not wanted: one that cannot be entered would break the rest.
            mode = 0o755 if member.isdir() else member.mode
            plain = member.replace(mode=mode, mtime=_seconds(member.mtime), deep=False)
            with refusals.of(member.name):
                archive.extract(plain, into, set_attrs=True, filter="data")
    refusals.tell()


def unpack_zip(path: Path, into: Path, limits: UnpackLimits | None = None, refused: list[str] | None = None) -> None:
    """Unpack a zip file (a wheel) into an empty folder.

    Args:
        path: The archive.
        into: The folder.
        limits: How large it may be.
        refused: Gets the name of each member that was not unpacked, and why.

    Raises:
        SourceSkippedError: If it is damaged, or larger than the limits.
    """
    limits = limits or UnpackLimits()
    budget = _Budget(limits)
    refusals = _Refusals(refused)
    with _damaged(), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            target = inside(into, info.filename)
            if target is None or stat.S_ISLNK(info.external_attr >> 16):
                refusals.add(info.filename, "a link, or a name that leads out of the folder")
                continue
            budget.take(info.filename, info.file_size)
            if info.file_size > 1 << 20 and info.file_size > limits.ratio * max(info.compress_size, 1):
                raise SourceSkippedError(f"{info.filename!r} unpacks to {info.file_size} bytes", "it is a bomb")
            with refusals.of(info.filename):
                _write_member(archive, info, target)
    refusals.tell()


def _write_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    if info.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(info) as read, target.open("wb") as write:
            shutil.copyfileobj(read, write, 1 << 20)
    except BaseException:
        with contextlib.suppress(OSError):  # half a file is none
            target.unlink(missing_ok=True)
        raise
    when = _seconds(_zip_time(info))
    os.utime(target, (when, when))


def _zip_time(info: zipfile.ZipInfo) -> float:
    """Return when a member was changed; a date that no calendar has, such as the DOS date 0, is the zip's first."""
    try:
        return dt.datetime(*info.date_time, tzinfo=dt.UTC).timestamp()
    except ValueError:
        return _ZIP_EPOCH


def _seconds(when: float) -> int:
    """Return a time that a file system can store; headers may state any number."""
    return int(when) if math.isfinite(when) and 0 <= when < 1 << 32 else int(_ZIP_EPOCH)


@contextlib.contextmanager
def _damaged() -> Iterator[None]:
    """Turn whatever reading an archive's headers raises into the reason why it is skipped."""
    try:
        with guarded("the archive is damaged"):
            yield
    except RejectedError as error:
        raise SourceSkippedError(str(error), "fetch it again") from error


class _Refusals:
    """Members that were not unpacked: one bad member leaves out itself alone."""

    def __init__(self, into: list[str] | None) -> None:
        self._into = into if into is not None else []

    def add(self, name: str, reason: str) -> None:
        shown = name.encode("utf-8", "backslashreplace").decode()
        self._into.append(f"{shown!r}: {reason}")

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        try:
            with guarded("it cannot be unpacked"):
                yield
        except RejectedError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _FULL:
                raise error.__cause__ from None  # the disk's fault, not the member's
            self.add(name, str(error))

    def tell(self) -> None:
        if self._into:
            log.debug("%d members left out, the first %s", len(self._into), self._into[0])


def inside(root: Path, member: str) -> Path | None:
    """Return a member's path below root, or None where its name leads out of it."""
    name = PurePosixPath(member.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or not name.parts or ":" in name.parts[0] or "\0" in member:
        return None
    return root.joinpath(*name.parts)
