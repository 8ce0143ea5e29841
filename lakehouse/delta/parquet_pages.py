"""Where the values of a binary column lie in a Parquet file.

An uncompressed column chunk holds each value as it is, behind four bytes of length: in its data pages, or once
in a dictionary page to which the data pages point. The footer says where a chunk begins; the pages say the
rest. Page headers are Thrift structs in the compact protocol (parquet-format, `parquet.thrift`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import FlowError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATA_PAGE, _INDEX_PAGE, _DICTIONARY_PAGE = 0, 1, 2  # and 3, a data page of version 2
_PLAIN, _PLAIN_DICTIONARY, _RLE, _RLE_DICTIONARY = 0, 2, 3, 8
_HEADER_BYTES = 1 << 12


@dataclass(frozen=True, slots=True)
class Values:
    """Where the values of one column of one file lie.

    Args:
        offset: int64 [rows], first byte of each value in the file; -1 where it is null.
        length: int64 [rows], its bytes; -1 where it is null.
    """

    offset: np.ndarray
    length: np.ndarray


def locate_values(source: pa.NativeFile, column: str, name: str) -> Values:
    """Find the values of a binary column, in the order of the file's rows.

    Args:
        source: The file, open for random access.
        column: Name of a column of the top level.
        name: What to call the file in errors.

    Raises:
        FlowError: If the column is missing, nested, compressed or delta-encoded, so that its values lie nowhere
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
            for header, at, body in _pages(source, chunk, name):
                row = walk.enter(header, at, _unsigned(body), row)
        except (IndexError, KeyError, ValueError, struct.error) as error:
            raise _damaged(name, f"a page of row group {group} cannot be read: {error!r}") from error
        if row != end:
            raise _damaged(name, f"row group {group} ends at row {row}, not {end}")
    return Values(offset, length)


def _pages(
    source: pa.NativeFile, chunk: pq.ColumnChunkMetaData, name: str
) -> Iterator[tuple[dict[int, Any], int, pa.Buffer]]:
    """Yield header, offset and bytes of each page of a column chunk."""
    at = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    end = at + chunk.total_compressed_size
    while at < end:
        header, size = _read_header(source, at, end, name)
        at += size
        source.seek(at)
        body = source.read_buffer(header[3])
        if body.size != header[3]:
            raise _damaged(name, f"a page at byte {at} breaks off")
        if header[1] != _INDEX_PAGE:
            yield header, at, body
        at += header[3]


def _read_header(source: pa.NativeFile, at: int, end: int, name: str) -> tuple[dict[int, Any], int]:
    """Return a page header by field number, and its bytes; statistics may make it long."""
    window = _HEADER_BYTES
    while True:
        source.seek(at)
        data = _unsigned(source.read_buffer(min(window, end - at)))
        try:
            return read_struct(data, 0)
        except IndexError:
            if window >= end - at:
                raise _damaged(name, f"a page header at byte {at} breaks off") from None
            window *= 16


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

    def enter(self, header: dict[int, Any], at: int, data: memoryview, row: int) -> int:
        """Enter the values of one page from a row on, and return the row after its last."""
        if header[1] == _DICTIONARY_PAGE:
            self._dictionary = self._plain(data, at, header[7][1])
            return row
        values, encoding, present, start = self._head(header, data)
        if row + values > len(self._offset):
            raise _damaged(self._name, "its pages hold more rows than its footer says")
        rows = row + np.flatnonzero(present)
        if encoding == _PLAIN:
            self._offset[rows], self._length[rows] = self._plain(data[start:], at + start, len(rows))
        elif encoding in {_PLAIN_DICTIONARY, _RLE_DICTIONARY} and self._dictionary is not None:
            places = decode_hybrid(data[start + 1 :], len(rows), data[start]) if len(rows) else rows
            if len(places) and places.max() >= len(self._dictionary[0]):
                raise _damaged(self._name, "a page points outside of its dictionary")
            self._offset[rows], self._length[rows] = self._dictionary[0][places], self._dictionary[1][places]
        else:
            raise _not_raw(self._name, f"with the encoding {encoding}")
        return row + values

    def _head(self, header: dict[int, Any], data: memoryview) -> tuple[int, int, np.ndarray, int]:
        """Return a data page's rows, its encoding, which rows have a value, and where values begin."""
        if header[1] == _DATA_PAGE:
            page = header[5]
            values, begin, start = page[1], 0, 0
            if self._levels:
                if page[3] != _RLE:
                    raise _not_raw(self._name, f"with definition levels of the encoding {page[3]}")
                begin, start = 4, 4 + struct.unpack_from("<I", data)[0]
            encoding = page[2]
        else:
            page = header[8]
            values, encoding, begin = page[1], page[4], page[6]
            start = begin + page[5]
        present = decode_hybrid(data[begin:start], values, 1) == 1 if self._levels else np.ones(values, bool)
        return values, encoding, present, start

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
        header, at = _varint(data, at)
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


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return an unsigned LEB128 number and the position after it."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def read_struct(data: memoryview, at: int) -> tuple[dict[int, Any], int]:
    """Read a Thrift struct in the compact protocol.

    Args:
        data: Bytes that begin with, or hold, the struct.
        at: Where it begins.

    Returns:
        Values by field number, and the position after it.

    Raises:
        IndexError: If the bytes end before the struct does.
    """
    fields: dict[int, Any] = {}
    number = 0
    while True:
        byte = data[at]
        at += 1
        if byte == 0:
            return fields, at
        if byte >> 4:
            number += byte >> 4
        else:
            number, at = _zigzag(data, at)
        kind = byte & 0x0F
        # In a struct a boolean's value is its type.
        fields[number], at = (kind == 1, at) if kind in {1, 2} else _value(data, at, kind)


def _zigzag(data: memoryview, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _value(data: memoryview, at: int, kind: int) -> tuple[Any, int]:
    """Read one value of a compact-protocol type; strings, doubles and collections are passed over."""
    if kind in {1, 2, 3}:
        return _skip(data, at, 1)
    if kind in {4, 5, 6}:
        return _zigzag(data, at)
    if kind == 7:
        return _skip(data, at, 8)
    if kind == 8:
        size, at = _varint(data, at)
        return _skip(data, at, size)
    if kind in {9, 10}:
        head = data[at]
        size, at = (head >> 4, at + 1) if head >> 4 < 15 else _varint(data, at + 1)
        for _ in range(size):
            _, at = _value(data, at, head & 0x0F)
        return None, at
    if kind == 12:
        return read_struct(data, at)
    raise FlowError(f"a Parquet page header holds a value of the unknown Thrift type {kind}", "the file is damaged")


def _skip(data: memoryview, at: int, size: int) -> tuple[None, int]:
    if at + size > len(data):
        raise IndexError
    return None, at + size


def _unsigned(data: pa.Buffer) -> memoryview:
    return memoryview(data).cast("B")  # Arrow's own view of a buffer is of signed bytes


def _not_raw(name: str, how: str) -> FlowError:
    return FlowError(
        f"{name} is stored {how}, so its values cannot be addressed",
        "give the table's contract writer_options=schemas.utterances.MEDIA_OPTIONS and write it anew with --full",
    )


def _damaged(name: str, what: str) -> FlowError:
    return FlowError(f"{name} is damaged: {what}", "restore the file, or write the table anew with --full")
