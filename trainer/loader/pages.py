"""Finding fixed-length values of a PLAIN, uncompressed Parquet column in place.

Packed token rows are all of one length, so that in an uncompressed PLAIN page they lie at a constant stride:
a 4-byte length and the bytes, again and again. Such a page is mapped, never decoded. Everything that this
rests on is checked; where one thing differs the caller decodes through Arrow instead.

Format: apache/parquet-format (parquet.thrift, Encodings.md), Thrift compact protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_DATA_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_V2 = 0, 2, 3
_PLAIN = 0


class _LayoutError(Exception):
    """The bytes are not the layout that can be mapped."""


@dataclass(frozen=True, slots=True)
class ValueRun:
    """Values of one page: ``n`` values of ``width`` bytes, the first at byte ``offset`` of the file."""

    offset: int
    n: int
    width: int

    def view(self, file: np.ndarray) -> np.ndarray:
        """Return the values as uint8 [n, width], a strided view into the file's bytes."""
        return self._slots(file)[:, 4:]

    def lengths_agree(self, file: np.ndarray) -> bool:
        """Whether each value's own length prefix says ``width``."""
        prefix = np.frombuffer(np.uint32(self.width).tobytes(), np.uint8)
        return bool((self._slots(file)[:, :4] == prefix).all())

    def _slots(self, file: np.ndarray) -> np.ndarray:
        slot = self.width + 4
        return file[self.offset - 4 : self.offset - 4 + self.n * slot].reshape(self.n, slot)


def plain_runs(file: np.ndarray, column: Any, rows: int, width: int) -> list[ValueRun] | None:
    """Return where the values of a column chunk lie, or None where they cannot be mapped.

    Args:
        file: uint8 [size], the whole file, mapped.
        column: The chunk's ``pyarrow.parquet.ColumnChunkMetaData``; not nested, not repeated.
        rows: Rows of the row group.
        width: Bytes that each value must have.
    """
    simple = (
        column.compression == "UNCOMPRESSED"
        and column.physical_type == "BYTE_ARRAY"
        and not column.has_dictionary_page
        and column.num_values == rows
    )
    if not simple:
        return None
    runs = []
    at, end, left = column.data_page_offset, column.data_page_offset + column.total_compressed_size, rows
    try:
        while left > 0:
            run, at = _page_run(file, at, end, width)
            runs.append(run)
            left -= run.n
    except (_LayoutError, IndexError, KeyError):
        return None
    if left or not all(run.lengths_agree(file) for run in runs):
        return None
    return runs


def _page_run(file: np.ndarray, at: int, end: int, width: int) -> tuple[ValueRun, int]:
    """Read one page's header; return its values and where the next page begins."""
    header, body = _struct(file, at)
    kind, size, stored = header[1], header[2], header[3]
    if size != stored or body + size > end:
        raise _LayoutError
    if kind == _DATA_PAGE:
        n, encoding = header[5][1], header[5][2]
    elif kind == _DATA_PAGE_V2:
        n, encoding = header[8][1], header[8][4]
        if header[8][2]:
            raise _LayoutError
    else:
        raise _LayoutError
    # What is left of the page once the values are taken off are definition levels: none, or a few bytes of
    # one run of ones. A null would leave a value out, and the length prefixes would no longer agree.
    levels = size - n * (width + 4)
    if encoding != _PLAIN or n <= 0 or not 0 <= levels < 64:
        raise _LayoutError
    return ValueRun(body + levels + 4, n, width), body + size


def _varint(file: np.ndarray, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = int(file[at])
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise _LayoutError


def _struct(file: np.ndarray, at: int) -> tuple[dict[int, Any], int]:
    """Read a Thrift compact struct: fields by number, and where it ends."""
    fields: dict[int, Any] = {}
    number = 0
    while True:
        byte = int(file[at])
        at += 1
        if byte == 0:
            return fields, at
        if byte >> 4:
            number += byte >> 4
        else:
            number, at = _zigzag(file, at)
        fields[number], at = _value(file, at, byte & 0x0F)


def _zigzag(file: np.ndarray, at: int) -> tuple[int, int]:
    raw, at = _varint(file, at)
    return (raw >> 1) ^ -(raw & 1), at


def _value(file: np.ndarray, at: int, kind: int) -> tuple[Any, int]:
    if kind in (1, 2):
        return kind == 1, at
    if kind == 3:
        return int(file[at]), at + 1
    if kind in (4, 5, 6):
        return _zigzag(file, at)
    if kind == 7:
        return None, at + 8
    if kind == 8:
        size, at = _varint(file, at)
        return None, at + size
    if kind == 12:
        return _struct(file, at)
    raise _LayoutError
