"""Arrow IPC files (Feather, version 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakehouse.export.format import Dataset, Encoder, ExportFormat, FormatOption, ShardWriter


class _Writer(ShardWriter):
    def __init__(self, path: Path, schema: pa.Schema, compression: str) -> None:
        self._sink = path.open("wb")
        options = pa.ipc.IpcWriteOptions(
            compression=None if compression == "none" else compression, unify_dictionaries=True
        )
        self._writer = pa.ipc.new_file(self._sink, schema, options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def size(self) -> int:
        return self._sink.tell()

    def close(self) -> Mapping[str, Any]:
        self._writer.close()
        self._sink.close()
        return {}


class _Encoder(Encoder):
    suffixes = (".arrow",)

    def __init__(self, schema: pa.Schema, compression: str) -> None:
        self._schema = schema
        self._compression = compression

    def open(self, stem: Path) -> ShardWriter:
        return _Writer(stem.with_name(f"{stem.name}.arrow"), self._schema, self._compression)


class ArrowFormat(ExportFormat):
    """Arrow IPC, one file a shard."""

    name = "arrow"
    doc = "Arrow IPC files (Feather 2), which can be mapped into memory where they are not compressed."
    types = "All types stay as they are."
    options = (FormatOption("compression", "Codec of the buffers.", "zstd", ("zstd", "lz4", "none")),)

    def encoder(self, dataset: Dataset, options: Mapping[str, str]) -> Encoder:
        """Return how a dataset is written."""
        return _Encoder(dataset.schema, options["compression"])

    def rows_in(self, files: Sequence[Path], options: Mapping[str, str]) -> int:  # noqa: ARG002
        """Read all batches, and count their rows."""
        rows = 0
        for file in files:
            with pa.memory_map(str(file)) as source, pa.ipc.open_file(source) as batches:
                rows += sum(batches.get_batch(index).num_rows for index in range(batches.num_record_batches))
        return rows


FORMAT = ArrowFormat()
