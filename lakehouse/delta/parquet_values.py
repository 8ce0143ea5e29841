"""Locate the values of a binary column in a Parquet file.

An uncompressed column chunk holds each value as it is, behind four bytes of length: in its data pages, or once in a
dictionary page to which the data pages point.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.delta.parquet_pages import (
    DATA_PAGE_V2,
    DICTIONARY_PAGE,
    INDEX_PAGE,
    PLAIN,
    PLAIN_DICTIONARY,
    RLE,
    RLE_DICTIONARY,
    PageHeader,
    chunk_range,
    read_page_header,
    read_varint,
)
from lakehouse.errors import FlowError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Values:
    """The places of the values of one column of one file.

    Args:
        offset: int64 [rows], first byte of each value in the file; -1 where it is null.
        length: int64 [rows], its bytes; -1 where it is null.
    """

    offset: np.ndarray
    length: np.ndarray


def locate_values(source: pa.NativeFile, column: str, name: str) -> Values:
    """Locate the values of a binary column, in the order of the file's rows.

    Args:
        source: The file, open for random access.
        column: Name of a column of the top level.
        name: What to call the file in errors.

    Raises:
        FlowError: If the column is missing, nested, compressed or delta-encoded, so that its values are nowhere
            as they are, or if the pages contradict the footer.
    """
    parquet = pq.ParquetFile(source)
    footer = parquet.metadata
    places = [at for at in range(footer.num_columns) if footer.schema.column(at).path == column]
    if not places:
        raise FlowError(f"{name} has no column {column!r}", "declare it in the table's contract")
    kind = footer.schema.column(places[0])
    if kind.physical_type != "BYTE_ARRAY" or kind.max_repetition_level or kind.max_definition_level > 1:
        raise FlowError(f"{name}: {column!r} is not a plain binary column", "declare it as pa.binary()")
    offset = np.full(footer.num_rows, -1, np.int64)
    length = np.full(footer.num_rows, -1, np.int64)
    row = 0
    for group in range(footer.num_row_groups):
        chunk = footer.row_group(group).column(places[0])
        if chunk.compression != "UNCOMPRESSED":
            raise _not_raw(f"{name}: {column!r}", chunk.compression)
        end = row + footer.row_group(group).num_rows
        walk = _Walk(kind.max_definition_level, f"{name}: {column!r}", offset, length)
        try:
            for header, at, body in _pages(source, chunk):
                row = walk.enter(header, at, memoryview(body).cast("B"), row)
        except (IndexError, ValueError, struct.error) as error:
            raise _damaged(name, f"a page of row group {group} cannot be read: {error!r}") from error
        if row != end:
            raise _damaged(name, f"row group {group} ends at row {row}, not {end}")
    return Values(offset, length)


def _pages(source: pa.NativeFile, chunk: pq.ColumnChunkMetaData) -> Iterator[tuple[PageHeader, int, pa.Buffer]]:
    """Yield header, offset and bytes of each data and dictionary page of a column chunk."""
    at, end = chunk_range(chunk)
    while at < end:
        header, at = read_page_header(source, at, end)
        source.seek(at)
        body = source.read_buffer(header.stored)
        if body.size != header.stored:
            raise ValueError(f"the page at byte {at} is truncated")
        if header.kind != INDEX_PAGE:
            yield header, at, body
        at += header.stored


class _Walk:
    """Enters the values of a column chunk's pages, one page after the other.

    Args:
        levels: 1 where values may be null, else 0.
        name: What to call the column in errors.
        offset: int64 [rows], filled in.
        length: int64 [rows], filled in.
    """

    def __init__(self, levels: int, name: str, offset: np.ndarray, length: np.ndarray) -> None:
        self._levels = levels
        self._name = name
        self._offset = offset
        self._length = length
        self._dictionary: tuple[np.ndarray, np.ndarray] | None = None

    def enter(self, header: PageHeader, at: int, data: memoryview, row: int) -> int:
        """Enter the values of one page from a row on, and return the row after its last."""
        if header.kind == DICTIONARY_PAGE:
            self._dictionary = self._plain(data, at, header.values)
            return row
        values, encoding = header.values, header.encoding
        present, start = self._present(header, data)
        if row + values > len(self._offset):
            raise _damaged(self._name, "its pages hold more rows than its footer says")
        rows = row + np.flatnonzero(present)
        if encoding == PLAIN:
            self._offset[rows], self._length[rows] = self._plain(data[start:], at + start, len(rows))
        elif encoding in {PLAIN_DICTIONARY, RLE_DICTIONARY} and self._dictionary is not None:
            places = decode_hybrid(data[start + 1 :], len(rows), data[start]) if len(rows) else rows
            if len(places) and places.max() >= len(self._dictionary[0]):
                raise _damaged(self._name, "a page points outside of its dictionary")
            self._offset[rows], self._length[rows] = self._dictionary[0][places], self._dictionary[1][places]
        else:
            raise _not_raw(self._name, f"with the encoding {encoding}")
        return row + values

    def _present(self, header: PageHeader, data: memoryview) -> tuple[np.ndarray, int]:
        """Return which rows of a data page have a value, and where the values begin."""
        if header.kind == DATA_PAGE_V2:
            begin = header.repetition_bytes
            start = begin + header.definition_bytes
        elif not self._levels:
            begin = start = 0
        elif header.level_encoding != RLE:
            raise _not_raw(self._name, f"with definition levels of the encoding {header.level_encoding}")
        else:
            begin, start = 4, 4 + struct.unpack_from("<I", data)[0]
        if not self._levels:
            return np.ones(header.values, bool), start
        return decode_hybrid(data[begin:start], header.values, 1) == 1, start

    def _plain(self, data: memoryview, at: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return offsets in the file and lengths of PLAIN values that fill some bytes: each says where the next is."""
        sizes = np.empty(count, np.int64)
        read = struct.Struct("<I").unpack_from
        end = 0
        try:
            for place in range(count):
                (size,) = read(data, end)
                sizes[place] = size
                end += 4 + size
        except struct.error:
            end = -1
        if end != len(data):
            raise _damaged(self._name, "the values of a page do not fill it")
        return at + 4 * np.arange(1, count + 1) + np.cumsum(sizes) - sizes, sizes


def decode_hybrid(data: memoryview, count: int, width: int) -> np.ndarray:
    """Decode Parquet's hybrid of run lengths and bit-packed groups of eight.

    Args:
        data: The runs.
        count: Values to decode; the last group may hold more.
        width: Bits of a value, 0 to 32.

    Returns:
        int64 [count].
    """
    parts: list[np.ndarray] = [np.empty(0, np.int64)]
    at, total = 0, 0
    weights = np.left_shift(1, np.arange(width, dtype=np.int64))
    while total < count:
        header, at = read_varint(data, at)
        size = (header >> 1) * width if header & 1 else (width + 7) // 8
        run = data[at : at + size]
        if header & 1:
            bits = np.unpackbits(np.frombuffer(run, np.uint8), bitorder="little")
            part = bits.reshape(-1, width) @ weights if width else np.zeros(8 * (header >> 1), np.int64)
        else:
            part = np.full(min(header >> 1, count - total), int.from_bytes(run, "little"), np.int64)
        at += size
        parts.append(part)
        total += len(part)
    return np.concatenate(parts)[:count]


def _not_raw(name: str, how: str) -> FlowError:
    return FlowError(
        f"{name} is stored {how}, so its values cannot be addressed",
        "give the table's contract writer_options=schemas.utterances.MEDIA_OPTIONS and rewrite it with --full",
    )


def _damaged(name: str, what: str) -> FlowError:
    return FlowError(f"{name} is damaged: {what}", "restore the file, or rewrite the table with --full")
