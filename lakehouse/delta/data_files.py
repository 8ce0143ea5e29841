"""The data files of a table at a version."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.declare.contract import ADDRESSES_FILES
from lakehouse.delta.store.listing import missing, sizes
from lakehouse.delta.store.table_folder import table_store

if TYPE_CHECKING:
    import pyarrow.fs as pafs
    from deltalake import DeltaTable


def decoded(paths: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the paths of a log as they are in the store: the log percent-encodes them."""
    if not pc.any(pc.match_substring(paths, "%")).as_py():
        return paths
    return pa.chunked_array([[unquote(path) for path in paths.to_pylist()]], pa.string())


def files(table: DeltaTable) -> pa.Table:
    """Return the data files of a table at its version.

    Returns:
        One row per file, sorted by path: path string (as the log names it), file string (as it is in the store, see
        `decoded`), size_bytes int64, num_records int64 (null where the writer left none).
    """
    actions = pa.table(table.get_add_actions(flatten=True))
    number = pa.nulls(actions.num_rows, pa.int64())
    records = actions.column("num_records") if "num_records" in actions.column_names else number
    listed = pa.table(
        {
            "path": (paths := actions.column("path").cast(pa.string())),
            "file": decoded(paths),
            "size_bytes": actions.column("size_bytes").cast(pa.int64()),
            "num_records": records.cast(pa.int64()),
        }
    )
    return listed.sort_by("path")


def live_files(table: DeltaTable) -> pa.Table:
    """Return the data files of a table at its version, with the rows that no deletion vector hides.

    Returns:
        One row per file: uri string (percent-encoded, as Spark names it), live int64.
    """
    listed = files(table)
    paths, records = listed.column("path").to_pylist(), listed.column("num_records").to_pylist()
    if None in records:
        store = table_store(table)
        stored = zip(listed.column("file").to_pylist(), records, strict=True)
        records = [_rows_in(store, file) if known is None else known for file, known in stored]
    if "deletionVectors" in (table.protocol().reader_features or []):
        hidden = _hidden_rows(table)
        records = [rows - hidden.get(file, 0) for file, rows in zip(_names(listed), records, strict=True)]
    root = table.table_uri.rstrip("/")
    return pa.table({"uri": [f"{root}/{path}" for path in paths], "live": pa.array(records, pa.int64())})


def _rows_in(store: pafs.FileSystem, file: str) -> int:
    with store.open_input_file(file) as source:
        return int(pq.read_metadata(source).num_rows)


def _hidden_rows(table: DeltaTable) -> dict[str, int]:
    """Return the rows that are hidden in each file, by the file's last name."""
    vectors = pa.table(table.deletion_vectors()).to_pylist()  # one row per file that has one
    return {unquote(row["filepath"]).rpartition("/")[2]: row["selection_vector"].count(False) for row in vectors}


def _names(listed: pa.Table) -> list[str]:
    return [file.rpartition("/")[2] for file in listed.column("file").to_pylist()]


def totals(table: DeltaTable) -> tuple[int, int]:
    """Return the rows and the bytes of a table at its version.

    Rows come from the log where each file states them and none has deletions; else they are counted.
    """
    listed = files(table)
    size = int(pc.sum(listed.column("size_bytes")).as_py() or 0)
    features = table.protocol().reader_features or []
    if listed.column("num_records").null_count or "deletionVectors" in features:
        return int(table.count()), size
    return int(pc.sum(listed.column("num_records")).as_py() or 0), size


def lost_files(table: DeltaTable) -> list[str]:
    """Return the data files of a table's version that are missing, or whose size differs from the log."""
    listed = files(table)
    now_sizes = sizes(table_store(table), listed["file"])
    compared = zip(listed["file"].to_pylist(), now_sizes, listed["size_bytes"].to_pylist(), strict=True)
    return [path for path, now, size in compared if now != size]


def addresses_files(table: DeltaTable) -> bool:
    """Whether a table's rows name data files of what it was made from."""
    return str(table.metadata().configuration.get(ADDRESSES_FILES, "")) == "true"


def is_whole(table: DeltaTable) -> bool:
    """Whether all data files of a table's version are there."""
    return not missing(table_store(table), files(table)["file"])
