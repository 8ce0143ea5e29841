"""The end of a Parquet file: its indexes and its footer, which say where and what all else is.

Pages carry checksums of their own (parquet-format, `PageHeader.crc`), the footer carries none. So a release
records a digest of the footers of its files, and `lakehouse.release.verify` compares.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from lakehouse.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable


_MAGIC = b"PAR1"
_WINDOW = 1 << 16
READERS = 32


@dataclass(frozen=True, slots=True)
class Footer:
    """The end of one file.

    Args:
        digest: SHA-256 over all bytes behind the last page, 64 hex digits.
        rows: Rows of the file.
        metadata: What the footer says.
    """

    digest: str
    rows: int
    metadata: pq.FileMetaData


def read_footer(store: pafs.FileSystem, path: str) -> Footer:
    """Read the end of a Parquet file; mostly one request.

    Raises:
        OSError: If it cannot be read; FileNotFoundError if it is missing.
        ValueError: If it does not end as a Parquet file does.
    """
    with store.open_input_file(path) as file:
        size = file.size()
        tail = file.read_at(min(_WINDOW, size), max(0, size - _WINDOW))
        if len(tail) < 12 or tail[-4:] != _MAGIC:
            raise ValueError("it does not end as a Parquet file")
        begin = size - 8 - int.from_bytes(tail[-8:-4], "little")
        if begin < len(_MAGIC):
            raise ValueError("its footer is longer than the file")
        if begin < size - len(tail):
            tail = file.read_at(size - begin, begin)
        try:
            metadata = pq.read_metadata(pa.BufferReader(tail))
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"its footer cannot be read: {first_line(error, 120)}") from None
        pages_end = _pages_end(metadata)
        if not len(_MAGIC) <= pages_end <= begin:
            raise ValueError("its footer names places outside the file")
        if pages_end < size - len(tail):
            tail = file.read_at(size - pages_end, pages_end)
    return Footer(hashlib.sha256(tail[pages_end - size :]).hexdigest(), metadata.num_rows, metadata)


def read_footers(store: pafs.FileSystem, paths: Iterable[str]) -> list[Footer | Exception]:
    """Return the footer of each file, or what `read_footer` raised for it."""

    def one(path: str) -> Footer | Exception:
        try:
            return read_footer(store, path)
        except (OSError, ValueError) as error:
            return error

    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(one, paths))


def _pages_end(metadata: pq.FileMetaData) -> int:
    """Return where the last page ends; row groups are contiguous."""
    if not metadata.num_row_groups:
        return len(_MAGIC)
    group = metadata.row_group(metadata.num_row_groups - 1)
    ends = [len(_MAGIC)]
    for place in range(group.num_columns):
        chunk = group.column(place)
        first = chunk.dictionary_page_offset if chunk.has_dictionary_page else None
        begin = chunk.data_page_offset if not first else min(first, chunk.data_page_offset)
        ends.append(begin + chunk.total_compressed_size)
    return max(ends)
