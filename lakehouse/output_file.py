"""Write a file for a user: whole or not at all.

A regular file is written beside its place and renamed at the end, so that a failure, Ctrl-C or a full disk leaves
what was there before. A symbolic link stays a link, and its target is replaced. What is not a file (a named pipe, a
terminal, ``/dev/null``, ``/dev/stdout``) is written to directly and never replaced.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

# The folders in which the kernel lists a process's open files; /dev/stdout and /dev/fd are links into them.
_OPEN_FILES = re.compile(r"/proc/(?P<process>self|thread-self|\d+)(/task/\d+)?/fd|/dev/fd")
_LINKS = 40  # as many as the kernel follows


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing; its place changes only once all is written.

    Args:
        path: The file. Its folder exists.

    Raises:
        OSError: If this user may not write there, or the disk is full; it names `path`.
    """
    with output_files([path]) as (file,):
        yield file


@contextmanager
def output_text_file(path: Path) -> Iterator[TextIO]:
    """Open a file for text in UTF-8, whose line ends are written as they are; see `output_file`."""
    with output_file(path) as file:
        text = io.TextIOWrapper(cast("io.BufferedWriter", file), encoding="utf-8", newline="")
        try:
            yield text
            text.flush()
        finally:
            with contextlib.suppress(OSError, ValueError):
                text.detach()


@contextmanager
def output_files(paths: Sequence[Path]) -> Iterator[list[BinaryIO]]:
    """Open several files for writing; none takes its place before all are on disk.

    Raises:
        OSError: As `output_file`.
    """
    with ExitStack() as stack:
        outputs = [stack.enter_context(contextlib.closing(_open(path))) for path in paths]
        yield [output.file for output in outputs]
        for output in outputs:
            output.complete()
        for output in outputs:
            output.publish()


def write_file(path: Path, data: bytes) -> None:
    """Replace a file's bytes; see `output_file`."""
    with output_file(path) as file:
        file.write(data)


class _Direct:
    """What is written to as it is: a pipe, a terminal, a device, a file that this process has open."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file = file

    def complete(self) -> None:
        self.file.flush()

    def publish(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # reported when it was written
            self.file.close()


class _Beside:
    """A new file beside the one that it replaces."""

    def __init__(self, path: Path, target: Path, before: os.stat_result | None) -> None:
        self.path = path
        self.target = target
        self.draft: Path | None = target.with_name(f".mixlake-{secrets.token_hex(8)}.part")
        with _named(path):
            if before is not None and not os.access(target, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(self.draft, flags, 0o666)  # less what the user's mask takes away
        self.file: BinaryIO = os.fdopen(descriptor, "wb")
        if before is not None:
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, before.st_uid, before.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))

    def complete(self) -> None:
        """Put all bytes on disk."""
        with _named(self.path):
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()

    def publish(self) -> None:
        """Take the place of the file."""
        if self.draft is not None:
            with _named(self.path):
                self.draft.replace(self.target)
            self.draft = None

    def close(self) -> None:
        """Delete what did not take its place."""
        with contextlib.suppress(OSError):  # what could not be flushed is deleted in any case
            self.file.close()
        if self.draft is not None:
            self.draft.unlink(missing_ok=True)


def _open(path: Path) -> _Direct | _Beside:
    target = _target(path)
    opened = _OPEN_FILES.fullmatch(str(target.parent))
    if opened is not None and target.name.isdigit():
        with _named(path):
            if opened["process"] in {None, "self", "thread-self", str(os.getpid())}:
                # Not opened anew: what the shell or the caller wrote there before stays.
                return _Direct(path, os.fdopen(os.dup(int(target.name)), "wb"))
            return _Direct(path, os.fdopen(os.open(target, os.O_WRONLY | os.O_CLOEXEC), "wb"))
    try:
        before: os.stat_result | None = target.stat()
    except FileNotFoundError:
        before = None
    if before is None or stat.S_ISREG(before.st_mode):
        return _Beside(path, target, before)
    with _named(path):
        return _Direct(path, target.open("wb"))


def _target(path: Path) -> Path:
    """Return the place that a path names, with the links of its last part followed as the kernel does."""
    place = Path(path)
    for _ in range(_LINKS):
        place = Path(os.path.realpath(place.parent), place.name)
        if _OPEN_FILES.fullmatch(str(place.parent)) or not place.is_symlink():
            return place
        place = place.parent / place.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors name the file as the user does."""
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
