"""What a file in a source's folder may be: regular, inside of it, and not too large."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def look(path: Path, real: Path, most: int) -> tuple[os.stat_result | None, str]:
    """Return what the system tells of a file, and why it is refused; no word where it is not.

    Args:
        path: The file, perhaps a symbolic link.
        real: The source's folder, resolved.
        most: Bytes that it may have.
    """
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(real):
            return None, "a symbolic link that leaves the source's folder"
        found = path.stat()
    except (OSError, RuntimeError) as error:
        return None, f"unreadable: {getattr(error, 'strerror', None) or error}"
    if not stat.S_ISREG(found.st_mode):
        return None, "not a regular file"
    if found.st_size > most:
        return found, f"{found.st_size} bytes, more than the {most} that are allowed"
    return found, ""
