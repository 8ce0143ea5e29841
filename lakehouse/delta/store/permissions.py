"""Check this user's rights on a table's files, since delta-rs does not report them well.

delta-rs reports a table that may not be read as missing, and where a file may not be written it prints the panic of
one of its threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import CommitFailedError, DeltaError

from lakehouse.delta.store.table_folder import LOG, local_folder
from lakehouse.delta.table_errors import no_space, not_allowed
from lakehouse.errors import LakeError

_DENIED = ("Permission denied", "PermissionDenied", "Read-only file system", "ReadOnlyFilesystem")


def require_readable(table: str, uri: str) -> None:
    """Refuse a table of whose log this user may not read a file; object stores are not checked.

    Raises:
        LakeError: If there is such a file, or its folder cannot be listed.
    """
    folder = local_folder(uri)
    if folder is None:
        return
    try:
        with os.scandir(folder / LOG) as entries:
            closed = next((entry.path for entry in entries if not os.access(entry.path, os.R_OK)), None)
    except PermissionError as error:
        closed = str(error.filename)
    except OSError:
        return
    if closed is not None:
        raise not_allowed(table, "read", closed)


def require_writable(table: str, uri: str) -> None:
    """Refuse a table whose folders this user may not write to, or that is on a read-only file system.

    Raises:
        LakeError: If there is no permission.
    """
    folder = local_folder(uri)
    for place in () if folder is None else (folder, folder / LOG):
        there = next(path for path in (place, *place.parents) if os.access(path, os.F_OK) or path == path.parent)
        if not os.access(there, os.W_OK | os.X_OK):
            raise not_allowed(table, "written", str(there))


@contextmanager
def translate_write_errors(table: str) -> Iterator[None]:
    """Raise one-line errors for what a store refuses; conflicts with other writers are passed on.

    Raises:
        LakeError: If the table could not be written.
    """
    try:
        yield
    except CommitFailedError:
        raise
    except (DeltaError, OSError) as error:
        text = str(error)
        if "No space left" in text:
            raise no_space(table) from None
        if any(word in text for word in _DENIED):
            raise LakeError(f"{table} cannot be written: permission denied", "let this user write there") from None
        message = " ".join(text.split())[:300]
        raise LakeError(f"{table} cannot be written: {message}", "check the lake's location and free space") from None
