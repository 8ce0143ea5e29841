"""Rows that are computed once and read again: a memory-mapped Arrow file in the flow's own folder."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa

# Small batches are put together up to this much, so that the cost of a call per batch is worth it.
CHUNK_ROWS = 65_536
CHUNK_BYTES = 32 << 20


@dataclass(frozen=True)
class Stream:
    """Record batches that can be read once.

    Args:
        schema: Their schema.
        batches: The batches.
    """

    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class RowFile:
    """Rows in a file.

    Args:
        path: The file, in Arrow's IPC format.
        schema: Their schema.
        rows: How many there are.
    """

    path: Path
    schema: pa.Schema
    rows: int

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, as they were written."""
        with pa.memory_map(str(self.path)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)

    def columns(self, names: Iterable[str]) -> pa.Table:
        """Return some columns whole; pages of the file are read as they are used."""
        wanted = list(names)
        fields = pa.schema([self.schema.field(name) for name in wanted])
        return pa.Table.from_batches([batch.select(wanted) for batch in self.batches()], fields)

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self.path.stat().st_size


def write_rows(folder: Path, stream: Stream) -> RowFile:
    """Write a stream's rows to a file of their own."""
    with RowFileWriter(folder, stream.schema) as writer:
        for batch in stream.batches:
            writer.write(batch)
    return writer.file


class RowFileWriter:
    """Writes rows to a file of their own, as they come.

    Args:
        folder: Where the file is made.
        schema: The rows' schema.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._path = folder / f"{uuid.uuid4().hex}.arrow"
        self._schema = schema
        self._rows = 0
        self._stack = ExitStack()
        file = self._stack.enter_context(pa.OSFile(str(self._path), "wb"))
        self._writer = self._stack.enter_context(pa.ipc.new_file(file, schema))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the file."""
        self._stack.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows."""
        self._writer.write_batch(batch)
        self._rows += batch.num_rows

    @property
    def file(self) -> RowFile:
        """The file, once it is finished."""
        return RowFile(self._path, self._schema, self._rows)


def chunked(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Combine small batches in order; empty batches are dropped."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        if waiting and (rows + batch.num_rows > CHUNK_ROWS or size + batch.nbytes > CHUNK_BYTES):
            yield _joined(waiting)
            waiting, rows, size = [], 0, 0
        waiting.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
    if waiting:
        yield _joined(waiting)


def cut(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Cut batches into pieces of at most so many rows."""
    for batch in batches:
        for begin in range(0, batch.num_rows, rows):
            yield batch.slice(begin, rows)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
