"""Find the files of a table's change feed, and whether it is complete."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs

from lakehouse.delta.file_actions import CHANGE, REMOVE, read_file_actions
from lakehouse.delta.store.listing import missing


def feed_files(store: pafs.FileSystem, first: int, last: int) -> pa.ChunkedArray:
    """Return the paths of the files that the change feed of some versions, both included, is read from.

    A commit's change files where it has any, else the files that it added and removed; commits that only
    moved rows between files have no changes.

    Raises:
        FileNotFoundError: If the log of a version is gone.
    """
    actions = read_file_actions(store, range(first, last + 1))
    changes = pc.equal(actions["kind"], CHANGE)
    has_change_files = pc.is_in(actions["version"], actions["version"].filter(changes))
    moved = pc.and_(pc.invert(has_change_files), pc.fill_null(actions["data_change"], True))
    return actions["path"].filter(pc.or_(changes, moved))


def has_feed(store: pafs.FileSystem, first: int, last: int) -> bool:
    """Whether the change feed of some versions, both included, is still complete: a vacuum may have deleted files."""
    try:
        return not missing(store, feed_files(store, first, last))
    except FileNotFoundError:
        return False


def only_adds(store: pafs.FileSystem, first: int, last: int) -> bool:
    """Whether some commits, both included, only added files of new rows.

    Raises:
        FileNotFoundError: If the log of a version is gone.
    """
    actions = read_file_actions(store, range(first, last + 1))
    taken = pc.and_(pc.equal(actions["kind"], REMOVE), pc.fill_null(actions["data_change"], True))
    return not pc.any(pc.or_(pc.equal(actions["kind"], CHANGE), taken)).as_py()
