"""What commits did to a table's files, and which files a reader of the change feed needs."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.json as pj

from lakehouse.history import table_store
from lakehouse.storage import missing

if TYPE_CHECKING:
    from deltalake import DeltaTable

ADD = "add"
REMOVE = "remove"
CHANGE = "cdc"

_FILE = pa.struct([pa.field("path", pa.string()), pa.field("size", pa.int64()), pa.field("dataChange", pa.bool_())])
_LINES = pj.ParseOptions(
    explicit_schema=pa.schema([pa.field(kind, _FILE) for kind in (ADD, REMOVE, CHANGE)]),
    unexpected_field_behavior="ignore",
)
_SCHEMA = pa.schema(
    [
        pa.field("version", pa.int64()),
        pa.field("kind", pa.string()),
        pa.field("path", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("data_change", pa.bool_()),
    ]
)


def commit_actions(table: DeltaTable, versions: Iterable[int]) -> pa.Table:
    """Return the file actions of some commits.

    Returns:
        One row an action: version int64, kind string (add, remove or cdc), path string (relative to the
        table's folder, decoded), size int64 (bytes, null where the log does not say), data_change bool.

    Raises:
        FileNotFoundError: If the log of a version is gone.
    """
    store = table_store(table)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda version: _actions(store, version), versions))
    return pa.concat_tables([_SCHEMA.empty_table(), *found])


def feed_files(table: DeltaTable, first: int, last: int) -> pa.ChunkedArray:
    """Return the paths of the files that the change feed of some versions, both included, is read from.

    A commit's change files where it has any, else the files that it added and removed; commits that only
    moved rows between files have no changes.

    Raises:
        FileNotFoundError: If the log of a version is gone.
    """
    found = commit_actions(table, range(first, last + 1))
    changes = pc.equal(found["kind"], CHANGE)
    told = pc.is_in(found["version"], found["version"].filter(changes))
    moved = pc.and_(pc.invert(told), pc.fill_null(found["data_change"], True))
    return found["path"].filter(pc.or_(changes, moved))


def has_feed(table: DeltaTable, first: int, last: int) -> bool:
    """Whether the change feed of some versions, both included, can still be read: a vacuum may have taken it."""
    try:
        return not missing(table, feed_files(table, first, last))
    except FileNotFoundError:
        return False


def only_adds(table: DeltaTable, first: int, last: int) -> bool:
    """Whether some commits, both included, did nothing to a table's rows but add files of new ones.

    Raises:
        FileNotFoundError: If the log of a version is gone.
    """
    found = commit_actions(table, range(first, last + 1))
    taken = pc.and_(pc.equal(found["kind"], REMOVE), pc.fill_null(found["data_change"], True))
    return not pc.any(pc.or_(pc.equal(found["kind"], CHANGE), taken)).as_py()


def decoded(paths: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the paths of a log as they are in the store: the log percent-encodes them."""
    if not pc.any(pc.match_substring(paths, "%")).as_py():
        return paths
    return pa.chunked_array([[unquote(path) for path in paths.to_pylist()]], pa.string())


def _actions(store: pafs.FileSystem, version: int) -> pa.Table:
    with store.open_input_file(f"_delta_log/{version:020d}.json") as file:
        data = file.read()
    if not data.strip():
        return _SCHEMA.empty_table()
    try:
        lines = pj.read_json(pa.BufferReader(data), pj.ReadOptions(block_size=1 << 20), _LINES)
    except pa.ArrowInvalid:
        # A line longer than a block: a note, or statistics, of a megabyte.
        lines = pj.read_json(pa.BufferReader(data), pj.ReadOptions(block_size=len(data) + 1), _LINES)
    parts = []
    for kind in (ADD, REMOVE, CHANGE):
        column = lines[kind].combine_chunks()
        column = column.filter(column.is_valid())
        rows = len(column)
        parts.append(
            pa.table(
                [
                    pa.repeat(pa.scalar(version, pa.int64()), rows),
                    pa.repeat(kind, rows),
                    decoded(pa.chunked_array([pc.struct_field(column, "path")], pa.string())),
                    pc.struct_field(column, "size"),
                    pc.struct_field(column, "dataChange"),
                ],
                schema=_SCHEMA,
            )
        )
    return pa.concat_tables(parts)
