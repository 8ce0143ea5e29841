"""List the files in a table's folder, whether or not its log names them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs

CHANGE_FOLDER = "_change_data"

_LISTING = pa.schema([pa.field("path", pa.string()), pa.field("size", pa.int64()), pa.field("modified", pa.int64())])
# From so many files on, listing a folder takes fewer requests to an object store than one for each file.
_MANY = 100


def listing(store: pafs.FileSystem) -> pa.Table:
    """Return the data and change files in a table's folder.

    Returns:
        One row per file: path string (relative to the table's folder), size int64 (bytes), modified int64
        (nanoseconds since 1970). The log and other hidden files are left out.
    """
    infos: list[pafs.FileInfo] = []
    for top in store.get_file_info(pafs.FileSelector("", allow_not_found=True)):
        if top.base_name.startswith(("_", ".")) and top.base_name != CHANGE_FOLDER:
            continue
        if top.type == pafs.FileType.Directory:
            infos.extend(store.get_file_info(pafs.FileSelector(top.path, recursive=True, allow_not_found=True)))
        else:
            infos.append(top)
    seen = [info for info in infos if info.type == pafs.FileType.File and not info.base_name.startswith(".")]
    return pa.table(
        [
            pa.array([info.path.lstrip("/") for info in seen], pa.string()),
            pa.array([info.size for info in seen], pa.int64()),
            pa.array([info.mtime_ns or 0 for info in seen], pa.int64()),
        ],
        schema=_LISTING,
    )


def sizes(store: pafs.FileSystem, paths: pa.ChunkedArray) -> list[int | None]:
    """Return the bytes of some files of a table, by path relative to its folder; None for one that is not there."""
    if len(paths) > _MANY:
        listed = listing(store)
        by_path: list[int | None] = listed["size"].take(pc.index_in(paths, listed["path"])).to_pylist()
        return by_path
    infos = store.get_file_info(paths.to_pylist())
    return [info.size if info.type == pafs.FileType.File else None for info in infos]


def missing(store: pafs.FileSystem, paths: pa.ChunkedArray) -> list[str]:
    """Return those of some files of a table, by path relative to its folder, that are not there."""
    return [path for path, size in zip(paths.to_pylist(), sizes(store, paths), strict=True) if size is None]
