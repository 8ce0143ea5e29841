"""WebDataset: tar files in which the files of one sample share a name and follow each other.

A binary column becomes a file with the extension of its format, all other columns one ``.json`` file. Null media
have no file. See https://github.com/webdataset/webdataset.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from jobs.acquire.media_types import media_type
from lakehouse.errors import ExportError
from lakehouse.export.format import Dataset, Encoder, ExportFormat, FormatOption, ShardWriter
from lakehouse.export.json_rows import RULES, JsonRows
from lakehouse.export.portable_types import is_binary

ROW = "row"
_ID = "sample_id"
_EXTENSION = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/tiff": "tiff",
    "audio/flac": "flac",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "application/pdf": "pdf",
}
_HEAD = 64


class _Encoder(Encoder):
    suffixes = (".tar",)

    def __init__(self, dataset: Dataset, options: Mapping[str, str]) -> None:
        names = dataset.schema.names
        self.key = options["key"] or (_ID if _ID in names else ROW)
        self.text = options["text"]
        for option, column in (("key", self.key), ("text", self.text)):
            if column and column not in names and not (option == "key" and column == ROW):
                raise ExportError(f"{dataset.name} has no column {column!r}", f"correct --option {option}={column}")
        if self.key != ROW and not _is_text(dataset.schema.field(self.key).type):
            raise ExportError(f"the key {self.key!r} is not text", "give --option key=COLUMN, or key=row for numbers")
        if self.text and not _is_text(dataset.schema.field(self.text).type):
            raise ExportError(f"the column {self.text!r} is not text", "give --option text=COLUMN")
        self.media = [field.name for field in dataset.schema if is_binary(field.type)]
        self.rest = [name for name in names if name not in {*self.media, self.text}]
        self.json = JsonRows(
            pa.schema([dataset.schema.field(name) for name in self.rest]),
            integers=options["integers"],
            nan=options["nan"],
        )
        files = (f"{name}: a file of its own in each sample" for name in [*self.media, *filter(None, [self.text])])
        self.rules = (*files, *self.json.rules)

    def open(self, stem: Path) -> ShardWriter:
        return _Writer(stem.with_name(f"{stem.name}.tar"), self)

    def stem(self, index: int, count: int) -> str:  # noqa: ARG002
        return f"shard-{index:06d}"


class _Writer(ShardWriter):
    def __init__(self, path: Path, encoder: _Encoder) -> None:
        self._file = path.open("wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 - closed by close
        self._encoder = encoder
        self._keys: set[str] = set()
        self._stem = path.stem

    def write(self, batch: pa.RecordBatch) -> None:
        encoder = self._encoder
        keys = self._next_keys(batch)
        lines = encoder.json.encode(batch.select(encoder.rest)).split(b"\n") if encoder.rest else []
        columns = {name: batch.column(name) for name in encoder.media}
        texts = batch.column(encoder.text) if encoder.text else None
        for row, key in enumerate(keys):
            for name, values in columns.items():
                if (value := values[row].as_buffer()) is not None:
                    data = value.to_pybytes()
                    extension = _extension(data)
                    self._add(f"{key}.{extension}" if len(columns) == 1 else f"{key}.{name}.{extension}", data)
            if texts is not None and texts[row].is_valid:
                self._add(f"{key}.txt", texts[row].as_py().encode())
            if lines:
                self._add(f"{key}.json", lines[row])

    def size(self) -> int:
        return self._file.tell()

    def close(self) -> Mapping[str, Any]:
        self._tar.close()
        self._file.close()
        return {}

    def _next_keys(self, batch: pa.RecordBatch) -> list[str]:
        """Return names of samples, each of which occurs once in a shard."""
        begin = len(self._keys)
        name = self._encoder.key
        if name == ROW:
            keys = [f"{row:09d}" for row in range(begin, begin + batch.num_rows)]
        else:
            values = batch.column(name).cast(pa.string())
            good = pc.fill_null(pc.match_substring_regex(values, r"^[^./\x00-\x1f\\][^./\x00-\x1f\\]*$"), False)
            if not pc.all(good).as_py():
                bad = values.filter(pc.invert(good))[0].as_py()
                raise ExportError(
                    f"{bad!r} cannot name a file of a sample: a key is text without dots, slashes and controls",
                    "give --option key=COLUMN, or key=row for numbers",
                )
            keys = values.to_pylist()
        self._keys.update(keys)
        if len(self._keys) != begin + len(keys):
            raise ExportError(
                f"the key {name!r} names several rows, which WebDataset would take for one sample",
                "give --option key=row for numbers, or select each once",
            )
        return keys

    def _add(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self._tar.addfile(member, io.BytesIO(data))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pat.is_string(kind) or pat.is_large_string(kind) or kind == pa.string_view())


def _extension(data: bytes) -> str:
    return _EXTENSION.get(media_type("medium.bin", data[:_HEAD])[0], "bin")


def _samples(file: Path) -> Iterator[str]:
    """Yield the name of each sample of a shard."""
    last = None
    with tarfile.open(file, mode="r:") as tar:
        for member in tar:
            key = member.name.partition(".")[0]
            if key != last:
                yield key
            last = key


class WebDatasetFormat(ExportFormat):
    """WebDataset, one tar file a shard."""

    name = "webdataset"
    doc = "Tar files of samples: KEY.png, KEY.flac, ... for binary columns, KEY.json for all others."
    types = (
        "Binary columns are files, byte for byte: of one such column KEY.EXTENSION, of several KEY.COLUMN.EXTENSION; "
        f"the extension is that of the bytes' format, or bin. In KEY.json: {RULES}"
    )
    options = (
        FormatOption("key", "Text column that names samples, or row for numbers (default sample_id, else row)."),
        FormatOption("text", "Text column that becomes KEY.txt (default none)."),
        FormatOption("integers", "How 64-bit integers are written.", "number", ("number", "string")),
        FormatOption("nan", "What becomes of NaN and infinities.", "refuse", ("refuse", "null")),
    )

    def encoder(self, dataset: Dataset, options: Mapping[str, str]) -> Encoder:
        """Return how a dataset is written."""
        return _Encoder(dataset, options)

    def rows_in(self, files: Sequence[Path], options: Mapping[str, str]) -> int | None:  # noqa: ARG002
        """Count the samples.

        Raises:
            ValueError: If a file is not a tar file.
        """
        try:
            return sum(1 for file in files for _ in _samples(file))
        except tarfile.TarError as error:
            raise ValueError(str(error)) from None


FORMAT = WebDatasetFormat()
