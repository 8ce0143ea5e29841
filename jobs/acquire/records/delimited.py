"""Read CSV and TSV: a header, then rows, of which quoted fields may go over lines."""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import IO

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.record import Record, bad
from jobs.acquire.records.required_fields import require_fields


class _Lines:
    """The lines of a text, of which those of the row at hand can be read again but for the first."""

    def __init__(self, stream: io.TextIOWrapper, most: int) -> None:
        self._stream, self._most = stream, most
        self._ahead: deque[str] = deque()
        self._row: list[str] = []
        self._size = 0
        self.begin = 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._stream.readline(self._most + 1)
        if not line:
            raise StopIteration
        self._row.append(line)
        self._size += len(line)
        if self._size > self._most:
            raise csv.Error(f"longer than {self._most} characters")
        return line

    def next_row(self) -> None:
        """Go on to the row behind the one that was read."""
        self.begin += len(self._row)
        self._row, self._size = [], 0

    def next_line(self) -> None:
        """Go on to the line behind the first one of a row that cannot be read."""
        first, *rest = self._row or [""]
        if not first.endswith(("\n", "\r")):
            while not rest and (more := self._stream.readline(1 << 16)) and not more.endswith(("\n", "\r")):
                pass
        self._ahead.extendleft(reversed(rest))
        self.begin += 1
        self._row, self._size = [], 0


def read(stream: IO[bytes], declared: Records) -> Iterator[Record]:
    """Yield the rows of a stream; one with more or fewer fields than the header, or badly quoted, has a problem.

    Raises:
        RejectedError: If the encoding is unknown, or the header lacks a declared field or repeats one.
    """
    try:
        codecs.lookup(declared.encoding)
    except LookupError:
        raise RejectedError(f"records: encoding {declared.encoding!r} is not known") from None
    text = io.TextIOWrapper(stream, declared.encoding, errors="surrogateescape", newline="")
    # The limit of fields is the module's, of the whole process; rows are bounded by their lines.
    csv.field_size_limit(max(csv.field_size_limit(), declared.max_bytes))
    lines = _Lines(text, declared.max_bytes)
    rows = csv.reader(lines, delimiter=declared.delimiter, strict=True)
    header: list[str] | None = None
    while True:
        begin = lines.begin
        place = f"line {begin}"
        try:
            row = next(rows, None)
        except csv.Error as error:
            if header is None:
                raise RejectedError(f"the header cannot be read: {error}") from None
            yield bad(begin, place, f"it is not {declared.format.upper()}: {error}")
            lines.next_line()
            continue
        if row is None:
            return
        lines.next_row()
        if not row:
            continue
        if header is None:
            header = row
            require_fields(header, declared)
        elif len(row) != len(header):
            yield bad(begin, place, f"more or fewer fields than the header: {len(row)}, not {len(header)}")
        else:
            yield Record(begin, place, dict(zip(header, row, strict=True)))
