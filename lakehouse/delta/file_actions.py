"""The file actions of commits: files added and removed, change files, and the statistics that they state."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.json as pj

from lakehouse.delta.commit import find_actions, list_commits, read_bytes
from lakehouse.delta.data_files import decoded
from lakehouse.delta.log import types_of
from lakehouse.delta.store.table_folder import commit_file, table_store

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


def read_file_actions(store: pafs.FileSystem, versions: Iterable[int]) -> pa.Table:
    """Return the file actions of some commits.

    Args:
        store: The file system whose root is the table's folder.
        versions: The commits.

    Returns:
        One row an action: version int64, kind string (add, remove or cdc), path string (relative to the
        table's folder, decoded), size int64 (bytes, null where the log does not say), data_change bool.

    Raises:
        FileNotFoundError: If the log of a version is gone.
    """
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda version: _actions(store, version), versions))
    return pa.concat_tables([_SCHEMA.empty_table(), *found])


def columns_in_log(table: DeltaTable) -> set[str]:
    """Return the columns of which some commit of a table's log states minima or maxima."""
    store = table_store(table)

    def one(version: int) -> set[str]:
        data = read_bytes(store, commit_file(version))
        found: set[str] = set()
        for action in (*find_actions(ADD, data), *find_actions(REMOVE, data)):
            statistics = json.loads(action.get("stats") or "{}")
            found.update(statistics.get("minValues") or (), statistics.get("maxValues") or ())
        return found

    with ThreadPoolExecutor(8) as pool:
        return set().union(*pool.map(one, list_commits(store)))


def types_in_log(table: DeltaTable) -> list[dict[str, Any]]:
    """Return the types of a table's columns, by name, as each commit of its log that sets them does, the oldest first.

    See `lakehouse.delta.log.types_of`.
    """
    store = table_store(table)

    def one(version: int) -> list[dict[str, Any]]:
        data = read_bytes(store, commit_file(version))
        return [types_of(action["schemaString"]) for action in find_actions("metaData", data)]

    with ThreadPoolExecutor(8) as pool:
        return [types for found in pool.map(one, list_commits(store)) for types in found]


def _actions(store: pafs.FileSystem, version: int) -> pa.Table:
    data = read_bytes(store, commit_file(version))
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
