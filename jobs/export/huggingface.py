"""A folder that `datasets.load_dataset` reads: Parquet shards, and a card with licences, languages, sizes, features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from jobs.export.dataset_card import SPLIT, dataset_card
from jobs.export.features import is_medium
from lakehouse.errors import ExportError
from lakehouse.export.format import Dataset, Encoder, ExportedDataset, ExportFormat, FormatOption, ShardWriter
from lakehouse.export.parquet import COMPRESSION, ParquetWriter, require_parquet_types, rows_in_parquet
from lakehouse.export.portable_types import cast_batch, portable_schema

CARD = "README.md"
_LANGUAGES = ("language", "language_hint")


class _Encoder(Encoder):
    suffixes = (".parquet",)

    def __init__(self, dataset: Dataset, compression: str) -> None:
        self._schema = portable_schema(dataset.schema)
        self._compression = compression
        self._folder = "data/" if dataset.alone else ""
        require_parquet_types(self._schema)
        for field in self._schema:
            if isinstance(field.type, pa.BaseExtensionType):
                raise ExportError(
                    f"datasets has no type for the column {field.name!r} of type {field.type}",
                    "cast it in a query with --sql, such as to VARCHAR",
                )
        pairs = zip(dataset.schema, self._schema, strict=True)
        changed = [f"{old.name}: {old.type} is written as {new.type}" for old, new in pairs if old.type != new.type]
        media = [f"{field.name}: {field.name}, decoded by datasets" for field in self._schema if is_medium(field)]
        self.rules = (*changed, *media)

    def open(self, stem: Path) -> ShardWriter:
        return _Writer(stem, self._schema, self._compression)

    def stem(self, index: int, count: int) -> str:
        return f"{self._folder}{SPLIT}-{index:05d}-of-{count:05d}"


class _Writer(ShardWriter):
    """Parquet, with the rows of each licence, language and modality counted."""

    def __init__(self, stem: Path, schema: pa.Schema, compression: str) -> None:
        self._schema = schema
        # Groups of rows that a reader can page through: media are large.
        self._rows = ParquetWriter(stem.with_name(f"{stem.name}.parquet"), schema, compression)
        self._bytes = 0
        self._licenses: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._modalities: Counter[str] = Counter()

    def write(self, batch: pa.RecordBatch) -> None:
        plain = cast_batch(batch, self._schema)
        self._rows.write(plain)
        self._bytes += plain.nbytes
        self._licenses.update(_counts(plain, "license"))
        self._modalities.update(_counts(plain, "modality"))
        language = next((name for name in _LANGUAGES if name in plain.schema.names), "")
        if "modality" in plain.schema.names and language:
            # The language of code is a programming language.
            plain = plain.filter(pc.fill_null(pc.not_equal(plain.column("modality"), "code"), True))
        self._languages.update(_counts(plain, language))

    def size(self) -> int:
        return self._rows.size()

    def close(self) -> Mapping[str, Any]:
        self._rows.close()
        return {
            "bytes": self._bytes,
            "licenses": dict(self._licenses),
            "languages": dict(self._languages),
            "modalities": dict(self._modalities),
        }


def _counts(batch: pa.RecordBatch, name: str) -> dict[str, int]:
    if name not in batch.schema.names or not pat.is_string(batch.schema.field(name).type):
        return {}
    values = batch.column(name).drop_null().value_counts()
    return dict(zip(values.field("values").to_pylist(), values.field("counts").to_pylist(), strict=True))


class HuggingFaceFormat(ExportFormat):
    """A Hugging Face dataset folder, one Parquet file a shard."""

    name = "huggingface"
    doc = "A dataset folder for datasets.load_dataset: Parquet shards, and README.md, the card."
    types = (
        "Maps are lists of {key, value}, dictionaries their values, binaries of a fixed size plain ones; other types "
        "stay. A binary column named image or audio is an Image or an Audio feature. The card counts rows by license, "
        "language (or language_hint) and modality."
    )
    options = (COMPRESSION, FormatOption("title", "The dataset's name on its card.", "A mixlake dataset"))

    def encoder(self, dataset: Dataset, options: Mapping[str, str]) -> Encoder:
        """Return how a dataset is written."""
        return _Encoder(dataset, options["compression"])

    def rows_in(self, files: Sequence[Path], options: Mapping[str, str]) -> int:  # noqa: ARG002
        """Read the rows' number from the footers."""
        return rows_in_parquet(files)

    def extra_files(
        self, datasets: Sequence[ExportedDataset], options: Mapping[str, str], origin: Mapping[str, Any]
    ) -> Mapping[str, bytes]:
        """Return the card."""
        return {CARD: dataset_card(datasets, options["title"], origin).encode()}


FORMAT = HuggingFaceFormat()
