"""Reading media by address: one positioned read of a data file gives a medium's bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import PyFileSystem

from lakehouse.delta.catalog import Catalog
from lakehouse.errors import LakeError

_REBUILD = "run mixlake run gold.media_addresses and name a new release, or restore the lake's files"


class MediaReader:
    """Gives the bytes of a medium by its id; safe to use from many threads.

    Args:
        root: The lake: a folder, or an object-store URI.
        addresses: Rows of gold.media_addresses: media_id, table, file, offset, length.
        storage_options: Options of the object store.
        max_open: Data files kept open.

    Raises:
        LakeError: If two addresses name the same medium.
    """

    def __init__(
        self, root: str, addresses: pa.Table, storage_options: Mapping[str, str] | None = None, max_open: int = 64
    ) -> None:
        """Sort the addresses by medium; no file is opened yet."""
        self._root = str(root)
        self._options = dict(storage_options or {})
        self._max_open = max_open
        self._lock = threading.Lock()
        self._open: OrderedDict[int, pa.NativeFile] = OrderedDict()
        rows = addresses.combine_chunks().to_batches()
        batch = rows[0] if rows else pa.RecordBatch.from_pylist([], schema=addresses.schema)
        ids = _fixed_width(batch.column("media_id"))
        order = np.argsort(ids, kind="stable")
        self._ids = ids[order]
        repeated = np.flatnonzero(self._ids[1:] == self._ids[:-1])
        if len(repeated):
            raise LakeError(f"medium {self._ids[repeated[0]].decode()} has two addresses", _REBUILD)
        self._offset = batch.column("offset").to_numpy()[order]
        self._length = batch.column("length").to_numpy()[order]
        coded = pc.binary_join_element_wise(batch.column("table"), batch.column("file"), "\n").dictionary_encode()
        self._file = coded.indices.to_numpy()[order]
        self._files = [tuple(value.split("\n", 1)) for value in coded.dictionary.to_pylist()]

    def __len__(self) -> int:
        """Return the number of media."""
        return len(self._ids)

    def __contains__(self, media_id: str) -> bool:
        """Whether the medium has an address."""
        return self._find(media_id) >= 0

    def read(self, media_id: str) -> bytes:
        """Return a medium's bytes.

        Raises:
            LakeError: If it has no address, or its file is missing or too short.
        """
        row = self._find(media_id)
        if row < 0:
            raise LakeError(f"medium {media_id} has no address in this release", _REBUILD)
        number, offset, length = int(self._file[row]), int(self._offset[row]), int(self._length[row])
        table, file = self._files[number]
        try:
            data: bytes = self._source(number).read_at(length, offset)
        except OSError as error:
            raise LakeError(f"medium {media_id}: {file} of {table} cannot be read: {error}", _REBUILD) from None
        if len(data) != length:
            raise LakeError(f"medium {media_id}: {file} of {table} ends before byte {offset + length}", _REBUILD)
        return data

    def close(self) -> None:
        """Close the data files that are open."""
        with self._lock:
            self._open.clear()

    def _find(self, media_id: str) -> int:
        wanted = media_id.encode()
        # As bytes of the ids' own width: another width would make NumPy copy all ids.
        row = int(np.searchsorted(self._ids, np.array(wanted, self._ids.dtype)))
        return row if row < len(self._ids) and self._ids[row] == wanted else -1

    def _source(self, number: int) -> pa.NativeFile:
        # A file that is dropped here while another thread reads it stays open until that read is done:
        # Arrow closes it with its last reference.
        with self._lock:
            source = self._open.get(number)
            if source is None:
                source = self._open[number] = self._open_file(*self._files[number])
                if len(self._open) > self._max_open:
                    self._open.popitem(last=False)
            else:
                self._open.move_to_end(number)
            return source

    def _open_file(self, table: str, file: str) -> pa.NativeFile:
        folder = Catalog(self._root).table_uri(table)
        if "://" not in self._root:
            return pa.OSFile(f"{folder}/{file}", "r")
        return PyFileSystem(DeltaStorageHandler(folder, self._options)).open_input_file(file)


def _fixed_width(ids: pa.Array) -> np.ndarray:
    """Return string [n] as NumPy bytes [n] of one width, without a Python object for each."""
    width = max(1, pc.max(pc.binary_length(ids)).as_py() or 1)
    padded = pc.ascii_rpad(ids, width, padding="\0").cast(pa.binary()).cast(pa.binary(width))
    return np.frombuffer(padded.buffers()[1], np.dtype(f"S{width}"), count=len(padded), offset=padded.offset * width)
