"""The text beside a file, read with the same care as the file itself."""

from __future__ import annotations

import stat
from pathlib import Path

from jobs.acquire.originals import RejectedError

# More than any caption or transcript of one file.
MOST_BYTES = 1 << 20


def read_beside(path: Path, root: Path, most: int) -> str:
    """Return the text of a file that describes another; empty where there is none.

    Args:
        path: Where it stands.
        root: The source's folder, which it may not lead out of.
        most: Bytes that the source allows a file.

    Raises:
        RejectedError: If it is no regular file, leads out of the folder, is too large, or is not text in UTF-8.
    """
    words = f"the text beside it ({path.name})"
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            raise RejectedError(f"{words} is a symbolic link that leaves the source's folder")
        told = path.stat()
        if not stat.S_ISREG(told.st_mode):
            raise RejectedError(f"{words} is not a regular file")
        allowed = min(most, MOST_BYTES)
        if told.st_size > allowed:
            raise RejectedError(f"{words} has {told.st_size} bytes, more than the {allowed} that are allowed")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, RuntimeError) as error:
        raise RejectedError(f"{words} is unreadable: {getattr(error, 'strerror', None) or error}") from error
    except UnicodeDecodeError as error:
        raise RejectedError(f"{words} is not UTF-8 at byte {error.start}") from error
    if "\0" in text:
        raise RejectedError(f"{words} is not text: it holds NUL characters")
    return text
