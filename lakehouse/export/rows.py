"""The rows of an export in a fixed order, from any row on.

A table's rows come from its data files at the pinned version, file by file, so that an export goes on at a row without
reading those before it. A query is answered once; its rows are kept on disk until the export is finished, since
no engine promises that a second answer has the rows in the same order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.delta import arrow_dataset as ds
from lakehouse.delta.damaged_file import unreadable_file
from lakehouse.delta.scan import scan
from lakehouse.errors import LakeError, first_line

if TYPE_CHECKING:
    from deltalake import DeltaTable

BATCH_BYTES = 16 << 20
_BATCH_ROWS = 1 << 16
_PAGE_BYTES = 1 << 20


class Rows(Protocol):
    """Rows in a fixed order."""

    schema: pa.Schema

    def batches(self, skip: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows behind the first `skip` ones, in batches of about `BATCH_BYTES` at most."""
        ...


class TableRows:
    """The rows of a table at its version.

    Args:
        table: The table, opened at its version.
        name: Its name, for errors.
        dataset: What `lakehouse.delta.scan.scan` returned for it.
    """

    def __init__(self, table: DeltaTable, name: str, dataset: ds.FileSystemDataset) -> None:
        self._table = table
        self._name = name
        self._dataset = dataset
        self.schema: pa.Schema = dataset.schema

    def batches(self, skip: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows behind the first `skip` ones, row group by row group, files sorted by path."""
        try:
            for fragment in sorted(self._dataset.get_fragments(), key=lambda one: one.path):
                with fragment.open() as source:
                    file = pq.ParquetFile(
                        source, buffer_size=_PAGE_BYTES, pre_buffer=False, coerce_int96_timestamp_unit="us"
                    )
                    for index in range(file.metadata.num_row_groups):
                        count = file.metadata.row_group(index).num_rows
                        if skip < count:
                            yield from self._row_group(file, index, fragment, skip)
                        skip = max(0, skip - count)
        except (OSError, pa.ArrowException) as error:
            raise self._error(error) from None

    def _row_group(
        self, file: pq.ParquetFile, index: int, fragment: ds.ParquetFileFragment, skip: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows of a row group page by page: Arrow's dataset scanner would hold it whole, and it may be media."""
        group = file.metadata.row_group(index)
        row_bytes = max(1, group.total_byte_size // max(1, group.num_rows))
        rows = max(1, min(_BATCH_ROWS, BATCH_BYTES // row_bytes))
        for batch in file.iter_batches(batch_size=rows, row_groups=[index], use_threads=False):
            if skip < batch.num_rows:
                yield self._conformed(batch.slice(skip), fragment)
            skip = max(0, skip - batch.num_rows)

    def _conformed(self, batch: pa.RecordBatch, fragment: ds.ParquetFileFragment) -> pa.RecordBatch:
        """Return a file's rows with the table's columns: a column that the file lacks is its partition's, or null."""
        known = ds.get_partition_keys(fragment.partition_expression)
        arrays = []
        for field in self.schema:
            if field.name in batch.schema.names:
                column = batch.column(field.name)
                arrays.append(column if column.type == field.type else column.cast(field.type))
            else:
                arrays.append(pa.repeat(pa.scalar(known.get(field.name), field.type), batch.num_rows))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _error(self, error: Exception) -> LakeError:
        lost = unreadable_file(self._table, self._name)
        return lost or LakeError(f"{self._name} cannot be read: {first_line(error)}", "see mixlake doctor")


class StoredRows:
    """The rows of a query, as `store_rows` left them.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._sizes: list[int] = json.loads((folder / _SIZES).read_text(encoding="utf-8"))
        self._file = pa.ipc.open_file(pa.memory_map(str(folder / _ROWS)))
        self.schema: pa.Schema = self._file.schema

    def batches(self, skip: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows behind the first `skip` ones."""
        for index, size in enumerate(self._sizes):
            if skip < size:
                yield self._file.get_batch(index).slice(skip)
            skip = max(0, skip - size)


_ROWS = "rows.arrow"
_SIZES = "rows.json"


def is_stored(folder: Path) -> bool:
    """Whether a folder has all rows of a query."""
    return (folder / _SIZES).exists()


def store_rows(reader: pa.RecordBatchReader, folder: Path) -> None:
    """Keep a query's rows in a folder, replacing what an earlier, unfinished attempt left there.

    Args:
        reader: The rows.
        folder: The folder, which is made.
    """
    folder.mkdir(exist_ok=True)
    sizes: list[int] = []
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        (folder / _ROWS).open("wb") as sink,
        pa.ipc.new_file(sink, reader.schema, options=options) as writer,
    ):
        for batch in reader:
            for piece in pieces(batch):
                writer.write_batch(piece)
                sizes.append(piece.num_rows)
    partial = folder / f"{_SIZES}.partial"
    with partial.open("w", encoding="utf-8") as text:
        json.dump(sizes, text)
        text.flush()
        os.fsync(text.fileno())
    partial.replace(folder / _SIZES)


def pieces(batch: pa.RecordBatch, size: int = BATCH_BYTES) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a batch in batches of about `size` bytes at most."""
    rows = max(1, batch.num_rows * size // max(1, batch.nbytes))
    for begin in range(0, batch.num_rows, rows):
        yield batch.slice(begin, rows)


def table_rows(table: DeltaTable, name: str) -> TableRows | None:
    """Return the rows of a table at its version, None where it needs reader features that only a query applies."""
    dataset = scan(table, name)
    return TableRows(table, name, dataset) if isinstance(dataset, ds.FileSystemDataset) else None
