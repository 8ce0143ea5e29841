"""Refuse files of a source's folder that are not regular, are outside it, too large, or that a library chokes on."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from lakehouse.errors import MixlakeError

# What libsndfile and Pillow say of the object that they were given: <_io.BytesIO object at 0x7f...>.
_ADDRESSED = re.compile(r"(?:Error opening )?<[\w. ]+ at 0x[0-9a-fA-F]+>:?|0x[0-9a-fA-F]{6,}")
_CAUSE_CHARACTERS = 300
_MACHINE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})


class RejectedError(ValueError):
    """A file cannot become a row; the words are the reason that quarantine gives."""


def stat_source_file(path: Path, real: Path, max_bytes: int) -> tuple[os.stat_result | None, str]:
    """Return a file's status, and why it is refused; an empty reason where it is not.

    Args:
        path: The file, perhaps a symbolic link.
        real: The source's folder, resolved.
        max_bytes: Bytes that it may have.
    """
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(real):
            return None, "a symbolic link that leaves the source's folder"
        status = path.stat()
    except (OSError, RuntimeError) as error:
        return None, f"unreadable: {getattr(error, 'strerror', None) or error}"
    if not stat.S_ISREG(status.st_mode):
        return None, "not a regular file"
    if status.st_size > max_bytes:
        return status, f"{status.st_size} bytes, more than the {max_bytes} that are allowed"
    return status, ""


@contextlib.contextmanager
def guarded(what: str) -> Iterator[None]:
    """Turn whatever a library raises over one file's bytes into the reason why that file is refused.

    Decoders raise what they like on damaged bytes: errors of their own, of Python, of memory, and, where written in
    Rust, panics that are no `Exception`.

    Args:
        what: What is wrong with the file, before the library's own words.

    Raises:
        RejectedError: In place of any of these. One's own, errors of the project, a user's interrupt, and what no
            file is to blame for pass: a library that is missing, a full disk, too many open files.
    """
    try:
        yield
    except (RejectedError, MixlakeError, ImportError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, OSError) and error.errno in _MACHINE_ERRORS:
            raise
        raise RejectedError(f"{what}: {cause(error)}") from error


def cause(error: BaseException) -> str:
    """Return what an error says, on one line and the same in each run: libraries name objects by their address."""
    words = " ".join(_ADDRESSED.sub("", str(error)).split())
    return words[:_CAUSE_CHARACTERS] or type(error).__name__
