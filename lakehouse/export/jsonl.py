"""JSON lines, plain or compressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakehouse.export.format import Dataset, Encoder, ExportFormat, FormatOption, ShardWriter
from lakehouse.export.json_rows import RULES, JsonRows

_SUFFIX = {"none": ".jsonl", "zstd": ".jsonl.zst", "gzip": ".jsonl.gz"}
_BLOCK = 1 << 20


class _Writer(ShardWriter):
    def __init__(self, path: Path, rows: JsonRows, compression: str) -> None:
        self._rows = rows
        self._file = path.open("wb")
        self._sink = self._file if compression == "none" else pa.CompressedOutputStream(self._file, compression)

    def write(self, batch: pa.RecordBatch) -> None:
        self._sink.write(self._rows.encode(batch))

    def size(self) -> int:
        return self._file.tell()

    def close(self) -> Mapping[str, Any]:
        self._sink.close()
        self._file.close()
        return {}


class _Encoder(Encoder):
    def __init__(self, rows: JsonRows, compression: str) -> None:
        self._rows = rows
        self._compression = compression
        self.suffixes = (_SUFFIX[compression],)
        self.rules = rows.rules

    def open(self, stem: Path) -> ShardWriter:
        return _Writer(stem.with_name(stem.name + self.suffixes[0]), self._rows, self._compression)


class JsonLinesFormat(ExportFormat):
    """JSON lines, one file a shard."""

    name = "jsonl"
    doc = "JSON lines in UTF-8: one object a row, null where a value is null."
    types = RULES
    options = (
        FormatOption("compression", "How files are compressed.", "none", tuple(_SUFFIX)),
        FormatOption("binary", "What becomes of binary columns.", "base64", ("base64", "refuse")),
        FormatOption("integers", "How 64-bit integers are written.", "number", ("number", "string")),
        FormatOption("nan", "What becomes of NaN and infinities.", "refuse", ("refuse", "null")),
    )

    def encoder(self, dataset: Dataset, options: Mapping[str, str]) -> Encoder:
        """Return how a dataset is written."""
        rows = JsonRows(dataset.schema, binary=options["binary"], integers=options["integers"], nan=options["nan"])
        return _Encoder(rows, options["compression"])

    def rows_in(self, files: Sequence[Path], options: Mapping[str, str]) -> int:
        """Count the lines."""
        compression = None if options["compression"] == "none" else options["compression"]
        lines = 0
        for file in files:
            with pa.input_stream(str(file), compression=compression) as source:
                while block := source.read(_BLOCK):
                    lines += block.count(b"\n")
        return lines


FORMAT = JsonLinesFormat()
