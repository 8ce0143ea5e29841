"""Refuse files of a source's folder that are not regular, are outside it, or are too large."""

from __future__ import annotations

import os
import stat
from pathlib import Path


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
