"""Finding fixed-length values of a PLAIN, uncompressed Parquet column in place.

Packed token rows are all of one length, so that in an uncompressed PLAIN page they have a constant stride:
a 4-byte length and the bytes, again and again. Such a page is mapped, never decoded. Everything that this
rests on is checked; where one thing differs the caller decodes through Arrow instead.

Format: apache/parquet-format (parquet.thrift, Encodings.md), Thrift compact protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lakehouse.delta.parquet_pages import DATA_PAGE, DATA_PAGE_V2, PLAIN, parse_page_header


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
    """Return where the values of a column chunk are, or None where they cannot be mapped.

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
    data = memoryview(file)
    at, end, left = column.data_page_offset, column.data_page_offset + column.total_compressed_size, rows
    try:
        while left > 0:
            run, at = _page_run(data, at, end, width)
            runs.append(run)
            left -= run.n
    except (IndexError, ValueError):
        return None
    if left or not all(run.lengths_agree(file) for run in runs):
        return None
    return runs


def _page_run(data: memoryview, at: int, end: int, width: int) -> tuple[ValueRun, int]:
    """Return the values of the page whose header begins at a byte, and where the next page begins.

    Raises:
        IndexError: If the header is truncated.
        ValueError: If the page is not laid out so that its values can be mapped.
    """
    header, body = parse_page_header(data, at)
    # What is left of the page once the values are taken off are definition levels: none, or a few bytes of
    # one run of ones. A null would leave a value out, and the length prefixes would no longer agree.
    levels = header.size - header.values * (width + 4)
    if (
        header.kind not in {DATA_PAGE, DATA_PAGE_V2}
        or header.size != header.stored
        or body + header.size > end
        or header.nulls
        or header.encoding != PLAIN
        or header.values <= 0
        or not 0 <= levels < 64
    ):
        raise ValueError("the values of the page cannot be mapped")
    return ValueRun(body + levels + 4, header.values, width), body + header.size
