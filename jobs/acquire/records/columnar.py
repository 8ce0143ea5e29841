"""Read Parquet and Arrow IPC, a small batch of the declared columns at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa

from jobs.acquire.compression import open_stream
from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.record import Record, bad
from jobs.acquire.records.required_fields import require_fields

_ROWS = 256
_BATCH_BYTES = 64 << 20
# A column of a row group is read in pieces of this size.
_BUFFER = 1 << 20
# More than any writer puts into a row group; what is read of one is in memory a piece at a time.
_ROW_GROUP_BYTES = 8 << 30


def read_parquet(path: Path, declared: Records, compression: str) -> Iterator[Record]:  # noqa: ARG001 - has its own
    """Yield the rows of a Parquet file."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
        columns = _columns(file.schema_arrow, declared)
        begin = 1
        for group in range(file.metadata.num_row_groups):
            size = file.metadata.row_group(group).total_byte_size
            rows = file.metadata.row_group(group).num_rows
            if size > _ROW_GROUP_BYTES:
                yield bad(begin, f"row group {group}", f"it has {size} bytes, more than {_ROW_GROUP_BYTES}")
                begin += rows
                continue
            each = max(1, min(_ROWS, _BATCH_BYTES * rows // max(size, 1)))
            first = begin
            try:
                with guarded("the row group is damaged"):
                    for batch in file.iter_batches(each, row_groups=[group], columns=columns, use_threads=False):
                        yield from _rows(batch, begin, declared)
                        begin += batch.num_rows
            except RejectedError as rejected:
                yield bad(begin, f"rows {begin} to {first + rows - 1}", str(rejected))
            begin = first + rows


def read_arrow(path: Path, declared: Records, compression: str) -> Iterator[Record]:
    """Yield the rows of an Arrow IPC file or stream."""
    with path.open("rb") as file, open_stream(file, compression, path.stat().st_size) as stream:
        yield from _arrow_rows(stream, declared)


def _arrow_rows(stream: IO[bytes], declared: Records) -> Iterator[Record]:
    head = stream.read(8)
    # A file is a stream between its magic and its footer, in which all batches come in order.
    source = pa.PythonFile(_Behind(stream, b"" if head.startswith(b"ARROW1") else head), "r")
    reader = pa.ipc.open_stream(source)
    columns = _columns(reader.schema, declared)
    begin = 1
    for batch in reader:
        chosen = batch.select(columns)
        for start in range(0, batch.num_rows, _ROWS):
            yield from _rows(chosen.slice(start, _ROWS), begin + start, declared)
        begin += batch.num_rows


class _Behind:
    """A stream of which some bytes were read."""

    closed = False

    def __init__(self, stream: IO[bytes], first: bytes) -> None:
        self._stream, self._first = stream, first

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        first, self._first = self._first[:size], self._first[size:] if size >= 0 else b""
        return first + self._stream.read(size - len(first) if size >= 0 else -1)

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def close(self) -> None:
        """Close nothing: the stream is another's."""


def _columns(schema: pa.Schema, declared: Records) -> list[str]:
    require_fields(schema.names, declared)
    wanted = {field if field in schema.names else field.partition(".")[0] for field in declared.fields}
    return [name for name in schema.names if name in wanted]


def _require_size(batch: pa.RecordBatch, declared: Records) -> None:
    most = declared.max_bytes if batch.num_rows == 1 else _BATCH_BYTES
    if batch.nbytes > most:
        raise RejectedError(f"more than {most} bytes: {batch.nbytes}")


def _rows(batch: pa.RecordBatch, begin: int, declared: Records) -> Iterator[Record]:
    """Yield the rows of a small batch; where their values cannot be read together, each alone."""
    try:
        with guarded("a value cannot be read"):
            _require_size(batch, declared)
            rows = batch.to_pylist()
    except RejectedError as rejected:
        if batch.num_rows == 1:
            yield bad(begin, f"row {begin}", str(rejected))
            return
        for place in range(batch.num_rows):
            yield from _rows(batch.slice(place, 1), begin + place, declared)
        return
    for place, row in enumerate(rows, begin):
        yield Record(place, f"row {place}", row)
