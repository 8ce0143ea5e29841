"""The folder of a source's files, which may be missing as a whole or lack a single file.

A file that went away from a folder which is still there was deleted or renamed, and the next listing says
so: its row is rejected. Where the whole folder is gone (an emptied cache, a disk that is not mounted, a
worker that does not see it), its files say nothing of what the source holds; rejecting their rows would
delete from the lake all that was landed of them. Then the flow fails, and the lake stays as it is.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from lakehouse.errors import FlowError

RESTORE = (
    "put it back, or retrieve it again (mixlake run --full bronze.sources), or leave the source out to have "
    "its rows deleted; nothing was committed"
)


def location_of(path: str, uri: str) -> Path:
    """Return the folder of the source that a listed file belongs to.

    Args:
        path: Where the file's bytes are: the folder, then the file's name in it.
        uri: Its address: the source's base, then the same name, percent-encoded.
    """
    parts = list(Path(path).parts)
    named = unquote(uri, errors="surrogateescape").split("/")[1:]  # the first part is the base's own
    while len(parts) > 1 and named and parts[-1] == named[-1]:
        parts.pop()
        named.pop()
    return Path(*parts)


def is_there(root: Path) -> bool:
    """Whether a folder can be listed and holds a file, however deep; one that holds none was emptied."""
    return any(files for _, _, files in os.walk(root))


def require_location(root: Path, source: str, missed: str) -> None:
    """Refuse to go on where a source's folder is gone as a whole.

    Args:
        root: The folder.
        source: Key of the source.
        missed: The file that could not be read.

    Raises:
        FlowError: If the folder is missing, cannot be read, or contains no files.
    """
    if not is_there(root):
        raise FlowError(f"{missed} cannot be read: the folder {root} of {source} is gone or empty", RESTORE)
