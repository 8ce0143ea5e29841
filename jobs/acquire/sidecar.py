"""The text beside a file, read with the same care as the file itself."""

from __future__ import annotations

import os
from pathlib import Path

from jobs.acquire.file_guard import RejectedError, stat_source_file

# More than any caption or transcript of one file.
MOST_BYTES = 1 << 20


def read_beside(path: Path, root: Path, most: int) -> str:
    """Return the text of a file that describes another; empty where there is none.

    Args:
        path: Its path.
        root: The source's folder, which it may not lead out of.
        most: Bytes that the source allows a file.

    Raises:
        RejectedError: If it is no regular file, leads out of the folder, is too large, or is not text in UTF-8.
    """
    if not os.path.lexists(path):
        return ""
    _, problem = stat_source_file(path, root.resolve(), min(most, MOST_BYTES))
    text = ""
    if not problem:
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            problem = f"unreadable: {error.strerror}"
        except UnicodeDecodeError as error:
            problem = f"not UTF-8 at byte {error.start}"
    if problem or "\0" in text:
        raise RejectedError(f"the text beside it ({path.name}): {problem or 'it holds NUL characters'}")
    return text
