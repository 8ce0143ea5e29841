"""The data files of one table version: checked to be there, opened when needed, mapped where they are local."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler

from lakehouse.errors import ReleaseError

_OPEN = 64


class DataFiles:
    """Data files, by their number in the log's order.

    Args:
        opened: The table at a version.
        actions: Its add actions, `DeltaTable.get_add_actions(flatten=True)`, or those of them that matter.
        storage_options: Options of the object store, None for a folder.
        what: Name of release and table, for messages.

    Raises:
        ReleaseError: If a file is missing or of another size than in the log.
    """

    def __init__(
        self, opened: DeltaTable, actions: pa.Table, *, storage_options: dict[str, str] | None, what: str
    ) -> None:
        """Look for each file; none is opened yet."""
        root = opened.table_uri.removeprefix("file://")
        self.local = is_local(opened.table_uri)
        self.root = unquote(root).rstrip("/") if root != opened.table_uri else root.rstrip("/")
        self.paths = [unquote(path) for path in actions.column("path").to_pylist()]
        self.sizes = actions.column("size_bytes").to_numpy()
        self._remote: pafs.FileSystem | None = None
        if not self.local:
            self._remote = pafs.PyFileSystem(DeltaStorageHandler(opened.table_uri, storage_options))
        self._parquet: OrderedDict[int, pq.ParquetFile] = OrderedDict()
        self._mapped: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()
        self._check(what)

    def _check(self, what: str) -> None:
        if self._remote is not None:
            infos = self._remote.get_file_info(self.paths)
            sizes = [info.size if info.type == pafs.FileType.File else None for info in infos]
        else:
            sizes = [_size(self._place(path)) for path in self.paths]
        for path, size, expected in zip(self.paths, sizes, self.sizes, strict=True):
            if size is None:
                raise ReleaseError(
                    f"{what}: the data file {path} is missing", "it was vacuumed or lost; make a new release"
                )
            if size != expected:
                raise ReleaseError(
                    f"{what}: the data file {path} has {size} bytes, its log has {expected}",
                    "it was damaged; restore it, or make a new release",
                )

    def _place(self, path: str) -> str:
        if path.startswith("file:"):
            return "/" + path.removeprefix("file:").lstrip("/")
        return path if path.startswith("/") else f"{self.root}/{path}"

    def parquet(self, file: int) -> pq.ParquetFile:
        """Return an open file."""
        with self._lock:
            parquet = self._parquet.get(file)
            if parquet is None:
                path = self.paths[file]
                if self._remote is not None:
                    parquet = pq.ParquetFile(self._remote.open_input_file(path), pre_buffer=True)
                else:
                    parquet = pq.ParquetFile(self._place(path), memory_map=True)
                self._parquet[file] = parquet
                if len(self._parquet) > _OPEN:
                    self._parquet.popitem(last=False)
            self._parquet.move_to_end(file)
            return parquet

    def mapped(self, file: int) -> np.ndarray | None:
        """Return a file's bytes, uint8 [size], mapped; None where it is not local."""
        if not self.local:
            return None
        with self._lock:
            mapped = self._mapped.get(file)
            if mapped is None:
                with Path(self._place(self.paths[file])).open("rb") as handle:
                    # A plain array over the map: the subclass memmap costs microseconds at every slice.
                    mapped = np.asarray(np.memmap(handle, np.uint8, "r"))
                self._mapped[file] = mapped
                if len(self._mapped) > _OPEN:
                    self._mapped.popitem(last=False)
            self._mapped.move_to_end(file)
            return mapped


def is_local(uri: str) -> bool:
    """Whether a table is in a local folder, whose files can be mapped."""
    return uri.startswith("file://") or "://" not in uri


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - there may be a hundred thousand files
    except OSError:
        return None
