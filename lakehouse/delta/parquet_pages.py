"""Read the headers of a Parquet file's pages: Thrift structs in the compact protocol (parquet-format)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


DATA_PAGE, INDEX_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 1, 2, 3
PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY = 0, 2, 3, 8
_HEADER_BYTES = 1 << 12
# Fields of `PageHeader` in parquet.thrift, and of the structs of each kind of page within.
_KIND, _SIZE, _STORED, _CHECKSUM = 1, 2, 3, 4
_BODY = {DATA_PAGE: 5, DICTIONARY_PAGE: 7, DATA_PAGE_V2: 8}
_VARINT_BITS = 63


@dataclass(frozen=True, slots=True)
class PageHeader:
    """The header of one page.

    Args:
        kind: `DATA_PAGE`, `INDEX_PAGE`, `DICTIONARY_PAGE` or `DATA_PAGE_V2`.
        size: Bytes of the page before compression.
        stored: Bytes that it takes in the file, without the header.
        has_checksum: Whether the header carries a checksum of the page.
        values: Its values, nulls included.
        nulls: Its nulls, where the page is of version 2; else 0.
        encoding: Encoding of its values.
        level_encoding: Encoding of its definition levels, where it is a `DATA_PAGE`.
        repetition_bytes: Bytes of its repetition levels, where it is of version 2.
        definition_bytes: Bytes of its definition levels, where it is of version 2.
    """

    kind: int
    size: int
    stored: int
    has_checksum: bool
    values: int = 0
    nulls: int = 0
    encoding: int = -1
    level_encoding: int = -1
    repetition_bytes: int = 0
    definition_bytes: int = 0


def parse_page_header(data: memoryview, at: int) -> tuple[PageHeader, int]:
    """Return the page header that begins at a byte, and the position after it.

    Raises:
        IndexError: If the bytes end before the header does.
        ValueError: If it is not a page header.
    """
    fields, end = read_struct(data, at)
    try:
        kind, common = fields[_KIND], (fields[_SIZE], fields[_STORED], _CHECKSUM in fields)
        if kind == INDEX_PAGE:
            return PageHeader(kind, *common), end
        body = fields[_BODY[kind]]
        if kind == DATA_PAGE_V2:
            levels = {"repetition_bytes": body[6], "definition_bytes": body[5]}
            return PageHeader(kind, *common, values=body[1], nulls=body[2], encoding=body[4], **levels), end
        return PageHeader(kind, *common, values=body[1], encoding=body[2], level_encoding=body.get(3, -1)), end
    except (KeyError, TypeError) as error:
        raise ValueError(f"the page header at byte {at} lacks {error}") from None


def read_page_header(source: pa.NativeFile, at: int, end: int) -> tuple[PageHeader, int]:
    """Read the page header that begins at a byte of a file; statistics may make it long.

    Args:
        source: The file, open for random access.
        at: Where the header begins.
        end: Where its column chunk ends.

    Returns:
        The header, and where its page begins.

    Raises:
        ValueError: If it is not a page header, or does not end within the chunk.
    """
    window = _HEADER_BYTES
    while True:
        source.seek(at)
        try:
            header, size = parse_page_header(memoryview(source.read_buffer(min(window, end - at))).cast("B"), 0)
        except IndexError:
            if window >= end - at:
                raise ValueError(f"the page header at byte {at} is truncated") from None
            window *= 16
        else:
            return header, at + size


def chunk_range(chunk: pq.ColumnChunkMetaData) -> tuple[int, int]:
    """Return where the pages of a column chunk begin and end, in bytes of the file."""
    # For a chunk without values some writers record only the offset of its dictionary.
    begin = (chunk.dictionary_page_offset if chunk.has_dictionary_page else None) or chunk.data_page_offset
    return begin, begin + chunk.total_compressed_size


def read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return an unsigned LEB128 number and the position after it."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > _VARINT_BITS:
            raise ValueError("a number of the page header is longer than 64 bits")


def read_struct(data: memoryview, at: int) -> tuple[dict[int, Any], int]:
    """Read a Thrift struct in the compact protocol.

    Args:
        data: Bytes that begin with, or hold, the struct.
        at: Where it begins.

    Returns:
        Values by field number, and the position after it.

    Raises:
        IndexError: If the bytes end before the struct does.
        ValueError: If they are not such a struct.
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
    value, at = read_varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _value(data: memoryview, at: int, kind: int) -> tuple[Any, int]:
    """Read one value of a compact-protocol type; strings, doubles and collections are skipped."""
    if kind in {1, 2, 3}:
        return _skip(data, at, 1)
    if kind in {4, 5, 6}:
        return _zigzag(data, at)
    if kind == 7:
        return _skip(data, at, 8)
    if kind == 8:
        size, at = read_varint(data, at)
        return _skip(data, at, size)
    if kind in {9, 10}:
        head = data[at]
        size, at = (head >> 4, at + 1) if head >> 4 < 15 else read_varint(data, at + 1)
        for _ in range(size):
            _, at = _value(data, at, head & 0x0F)
        return None, at
    if kind == 12:
        return read_struct(data, at)
    raise ValueError(f"the page header holds a value of the unknown Thrift type {kind}")


def _skip(data: memoryview, at: int, size: int) -> tuple[None, int]:
    if at + size > len(data):
        raise IndexError
    return None, at + size
