"""Parquet shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.errors import ExportError, first_line
from lakehouse.export.format import Dataset, Encoder, ExportFormat, FormatOption, ShardWriter

# Of a row group before compression, about.
_GROUP_BYTES = 64 << 20
_GROUP_ROWS = 1 << 20
COMPRESSION = FormatOption("compression", "Codec of the pages.", "zstd", ("zstd", "snappy", "none"))


class ParquetWriter(ShardWriter):
    """Collect rows into row groups.

    Args:
        path: The file.
        schema: Its columns.
        compression: A codec's name.
    """

    def __init__(self, path: Path, schema: pa.Schema, compression: str) -> None:
        self._sink = path.open("wb")
        self._writer = pq.ParquetWriter(
            self._sink, schema, compression=compression, write_page_checksum=True, write_page_index=True
        )
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        self._rows += batch.num_rows
        if self._bytes >= _GROUP_BYTES or self._rows >= _GROUP_ROWS:
            self._flush()

    def size(self) -> int:
        """Return the bytes written, and of rows that wait for their row group the bytes in memory."""
        return self._sink.tell() + self._bytes

    def close(self) -> Mapping[str, Any]:
        """Write the footer."""
        self._flush()
        self._writer.close()
        self._sink.close()
        return {}

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting), row_group_size=self._rows or None)
        self._waiting, self._bytes, self._rows = [], 0, 0


class ParquetEncoder(Encoder):
    """Rows as they are.

    Args:
        dataset: The dataset.
        compression: A codec's name.

    Raises:
        ExportError: If Parquet has no type for a column.
    """

    suffixes = (".parquet",)

    def __init__(self, dataset: Dataset, compression: str) -> None:
        self._schema = dataset.schema
        self._compression = compression
        require_parquet_types(dataset.schema)

    def open(self, stem: Path) -> ShardWriter:
        """Begin a file."""
        return ParquetWriter(stem.with_name(f"{stem.name}.parquet"), self._schema, self._compression)


def require_parquet_types(schema: pa.Schema) -> None:
    """Refuse columns that Parquet has no type for, such as intervals and unions.

    Raises:
        ExportError: If there is one.
    """
    for field in schema:
        try:
            pq.write_table(pa.schema([field]).empty_table(), pa.BufferOutputStream())
        except (pa.ArrowException, NotImplementedError, OSError) as error:
            raise ExportError(
                f"Parquet cannot hold the column {field.name!r} of type {field.type}: {first_line(error, 100)}",
                "cast it in a query with --sql, such as to VARCHAR",
            ) from None


def rows_in_parquet(files: Sequence[Path]) -> int:
    """Return the rows of Parquet files, by their footers."""
    return sum(int(pq.read_metadata(file).num_rows) for file in files)


class ParquetFormat(ExportFormat):
    """Parquet, one file a shard."""

    name = "parquet"
    doc = "Parquet files with page checksums and a page index."
    types = "All types stay as they are in Arrow; a column of intervals or unions is refused."
    options = (COMPRESSION,)

    def encoder(self, dataset: Dataset, options: Mapping[str, str]) -> Encoder:
        """Return how a dataset is written."""
        return ParquetEncoder(dataset, options["compression"])

    def rows_in(self, files: Sequence[Path], options: Mapping[str, str]) -> int:  # noqa: ARG002
        """Read the rows' number from the footers."""
        return rows_in_parquet(files)


FORMAT = ParquetFormat()
