"""Where the values of a binary column lie in a Parquet file.

A payload column that is stored uncompressed, PLAIN and without a dictionary holds each value as it is,
behind four bytes of length. The footer says where a column chunk begins; the pages after it say the rest.
Page headers are Thrift structs in the compact protocol (parquet-format, `parquet.thrift`).
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

_DATA_PAGE, _INDEX_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_V2 = 0, 1, 2, 3
_PLAIN, _RLE = 0, 3
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
        FlowError: If the column is missing, nested, compressed or encoded, so that its values lie nowhere as
            they are, or if the pages contradict the footer.
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
        if chunk.compression != "UNCOMPRESSED" or chunk.has_dictionary_page:
            how = f"{chunk.compression} {'with' if chunk.has_dictionary_page else 'without'} a dictionary"
            raise _not_raw(name, column, how)
        end = row + footer.row_group(group).num_rows
        for header, at, body in _pages(source, chunk, name):
            row = _walk(header, at, body, row, (offset, length), kind.max_definition_level, f"{name}: {column!r}")
        if row != end:
            raise _damaged(name, f"row group {group} ends at row {row}, not {end}")
    return Values(offset, length)


def _pages(
    source: pa.NativeFile, chunk: pq.ColumnChunkMetaData, name: str
) -> Iterator[tuple[dict[int, Any], int, pa.Buffer]]:
    """Yield header, offset and bytes of each data page of a column chunk."""
    at = chunk.data_page_offset
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


def _walk(  # noqa: PLR0913, PLR0917 - one page and what it fills
    header: dict[int, Any],
    at: int,
    body: pa.Buffer,
    row: int,
    found: tuple[np.ndarray, np.ndarray],
    levels: int,
    name: str,
) -> int:
    """Enter the values of one page from a row on, and return the row after its last."""
    data = _unsigned(body)
    if header[1] == _DATA_PAGE:
        page, start = header[5], 0
        values, encoding = page[1], page[2]
        if levels:
            if page[3] != _RLE:
                raise _not_raw(name, "definition levels", f"encoding {page[3]}")
            (size,) = struct.unpack_from("<I", data)
            start = 4 + size
            present = _levels(data[4:start], values)
        else:
            present = np.ones(values, bool)
    elif header[1] == _DATA_PAGE_V2:
        page = header[8]
        values, encoding = page[1], page[4]
        start = page[6] + page[5]
        present = _levels(data[page[6] : start], values) if levels else np.ones(values, bool)
    else:
        raise _not_raw(name, "a page", "a dictionary")
    if encoding != _PLAIN:
        raise _not_raw(name, "a page", f"encoding {encoding}")
    offset, length = found
    if row + values > len(offset):
        raise _damaged(name, "its pages hold more rows than its footer says")
    rows = row + np.flatnonzero(present)
    sizes = _sizes(data, start, len(rows), name)
    # A value lies behind its own four bytes of length and all that comes before.
    length[rows] = sizes
    offset[rows] = at + start + 4 * np.arange(1, len(rows) + 1) + np.cumsum(sizes) - sizes
    return row + values


def _sizes(data: memoryview, start: int, count: int, name: str) -> np.ndarray:
    """Return the lengths of a page's values: each says where the next one is."""
    sizes = np.empty(count, np.int64)
    read = struct.Struct("<I").unpack_from
    end = start
    try:
        for place in range(count):
            (size,) = read(data, end)
            sizes[place] = size
            end += 4 + size
    except struct.error:
        end = -1
    if end != len(data):
        raise _damaged(name, "the values of a page do not fill it")
    return sizes


def _levels(data: memoryview, count: int) -> np.ndarray:
    """Decode definition levels of one bit (RLE and bit-packed runs): bool [count], whether a value is present."""
    parts: list[np.ndarray] = []
    at, total = 0, 0
    while total < count:
        header, at = _varint(data, at)
        if header & 1:
            size = header >> 1
            part = np.unpackbits(np.frombuffer(data[at : at + size], np.uint8), bitorder="little").astype(bool)
            at += size
        else:
            part = np.full(min(header >> 1, count), data[at] == 1)
            at += 1
        parts.append(part)
        total += len(part)
    return np.concatenate(parts)[:count] if parts else np.ones(0, bool)


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


def _not_raw(name: str, column: str, how: str) -> FlowError:
    return FlowError(
        f"{name}: {column} is stored {how}, so its values cannot be addressed",
        "give the table's contract writer_options=schemas.utterances.MEDIA_OPTIONS and write it anew with --full",
    )


def _damaged(name: str, what: str) -> FlowError:
    return FlowError(f"{name} is damaged: {what}", "restore the file, or write the table anew with --full")
