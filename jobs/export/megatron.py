"""Megatron's indexed datasets: ``.bin`` with token ids on end, ``.idx`` with the length and place of each sequence.

Each document is one sequence, as Megatron's preprocessing makes them, padding left out; or each row is one. Layout of
the index as `megatron.core.datasets.indexed_dataset` reads it: magic, version, dtype code, counts, then lengths int32
[n], byte offsets int64 [n] and document boundaries int64 [n + 1].
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.export.token_ranges import Ranges, documents, gather, read_tokens, rows_of, with_media
from lakehouse.errors import ExportError
from lakehouse.export.format import Dataset, Encoder, ExportedDataset, ExportFormat, FormatOption, ShardWriter

_MAGIC = b"MMIDIDX\x00\x00"
_HEADER = struct.Struct("<9sQBQQ")
_CODES = {"int32": 4, "uint16": 8}
# A row's stage is a property of the mixture: stages are trained on one after the other.
_STAGE = "stage"
DATA_ARGS = "data_args.txt"


class _Encoder(Encoder):
    suffixes = (".bin", ".idx")

    def __init__(self, dataset: Dataset, options: Mapping[str, str]) -> None:
        if "tokens" not in dataset.schema.names:
            raise ExportError(
                f"{dataset.name} has no column 'tokens'", "export gold.sequences, a table of tokens, or such a query"
            )
        read_tokens(pa.array([], dataset.schema.field("tokens").type))
        self.options = options
        unit = "document without padding" if options["unit"] == "document" else "row with its padding"
        media = {"refuse": "refused", "skip": "left out", "keep": "placeholder ids without their media"}
        rule = (
            f"tokens: {options['dtype']} ids, a sequence is a {unit}; sequences with media are "
            f"{media[options['media']]}; other columns, loss spans and pairs among them, are left out"
        )
        self.rules = (rule,)

    def open(self, stem: Path) -> ShardWriter:
        return _Writer(stem, self.options)


class _Writer(ShardWriter):
    def __init__(self, stem: Path, options: Mapping[str, str]) -> None:
        self._bin = stem.with_name(f"{stem.name}.bin").open("wb")
        self._index = stem.with_name(f"{stem.name}.idx")
        self._dtype = np.dtype(options["dtype"]).newbyteorder("<")
        self._options = options
        self._lengths: list[np.ndarray] = []
        self._skipped = 0
        self._stages: Counter[str] = Counter()

    def write(self, batch: pa.RecordBatch) -> None:
        tokens = read_tokens(batch.column("tokens"))
        rows = Ranges(tokens.offsets[:-1], np.diff(tokens.offsets))
        found = documents(batch, tokens) if self._options["unit"] == "document" else rows
        media = with_media(batch, tokens, found)
        if media.any() and self._options["media"] == "refuse":
            raise ExportError(
                f"{int(media.sum())} of {len(media)} sequences have media, which Megatron's format cannot hold",
                "give --option media=skip to leave them out, or select text alone with --sql",
            )
        if self._options["media"] == "skip":
            self._skipped += int(media.sum())
            found = found.where(~media)
        found = found.where(found.length > 0)
        ids = gather(tokens, found)
        self._require_fit(ids)
        self._bin.write(ids.astype(self._dtype, copy=False).tobytes())
        self._lengths.append(found.length)
        if _STAGE in batch.schema.names and batch.num_rows:
            stages = batch.column(_STAGE).take(pa.array(rows_of(found, tokens)))
            self._stages.update({str(one["values"]): one["counts"] for one in stages.value_counts().to_pylist()})
            require_one_stage(self._stages)

    def size(self) -> int:
        return self._bin.tell()

    def close(self) -> Mapping[str, Any]:
        self._bin.close()
        lengths = np.concatenate([np.empty(0, np.int64), *self._lengths])
        with self._index.open("wb") as sink:
            count = len(lengths)
            sink.write(_HEADER.pack(_MAGIC, 1, _CODES[self._options["dtype"]], count, count + 1))
            sink.write(lengths.astype("<i4").tobytes())
            places = (np.cumsum(lengths) - lengths) * self._dtype.itemsize
            sink.write(places.astype("<i8").tobytes())
            sink.write(np.arange(count + 1, dtype="<i8").tobytes())
        facts = {"sequences": count, "tokens": int(lengths.sum()), "sequences_with_media_left_out": self._skipped}
        return {**facts, "sequences_by_stage": dict(self._stages)} if self._stages else facts

    def _require_fit(self, ids: np.ndarray) -> None:
        limits = np.iinfo(self._options["dtype"])
        if len(ids) and (ids.min() < limits.min or ids.max() > limits.max):
            raise ExportError(
                f"token ids from {ids.min()} to {ids.max()} do not fit into {self._options['dtype']}",
                "give --option dtype=int32" if limits.max < np.iinfo(np.int32).max else "their column is no token ids",
            )


def require_one_stage(stages: Mapping[str, int]) -> None:
    """Refuse sequences of several training stages in one dataset.

    Raises:
        ExportError: If there are several.
    """
    if len(stages) > 1:
        raise ExportError(
            f"the rows are of the stages {', '.join(sorted(stages))}, which would become one dataset",
            "select one: --sql \"SELECT * FROM gold.sequences WHERE stage = 'cold' ORDER BY position\", or leave the "
            "column stage out",
        )


class MegatronFormat(ExportFormat):
    """Megatron's indexed datasets, one prefix a shard."""

    name = "megatron"
    doc = f"Megatron .bin and .idx of token sequences, and {DATA_ARGS} for --data-args-path."
    types = (
        "Only the column tokens is written (int32 little-endian bytes, or lists of integers); its documents are found "
        "by cu_seqlens or parts. Media, loss spans and pairs have no place in it: sequences with media are refused "
        "unless an option says otherwise."
    )
    options = (
        FormatOption("unit", "What a sequence is.", "document", ("document", "row")),
        FormatOption("media", "What becomes of sequences with media.", "refuse", ("refuse", "skip", "keep")),
        FormatOption("dtype", "Type of the ids.", "int32", ("int32", "uint16")),
    )

    def encoder(self, dataset: Dataset, options: Mapping[str, str]) -> Encoder:
        """Return how a dataset is written."""
        return _Encoder(dataset, options)

    def rows_in(self, files: Sequence[Path], options: Mapping[str, str]) -> None:
        """Check that an index belongs to its ids; rows and sequences are not the same.

        Raises:
            ValueError: If the two do not fit.
        """
        ids, index = files
        data = index.read_bytes()
        if len(data) < _HEADER.size or not data.startswith(_MAGIC):
            raise ValueError("it is not an index of Megatron's")
        count = _HEADER.unpack_from(data)[3]
        lengths = np.frombuffer(data, "<i4", count, _HEADER.size)
        if int(lengths.sum(dtype=np.int64)) * np.dtype(options["dtype"]).itemsize != ids.stat().st_size:
            raise ValueError("the index does not fit its ids")

    def extra_files(
        self,
        datasets: Sequence[ExportedDataset],
        options: Mapping[str, str],  # noqa: ARG002
        origin: Mapping[str, Any],  # noqa: ARG002
    ) -> Mapping[str, bytes]:
        """Return the arguments of ``--data-path``: each prefix with its tokens as weight.

        Raises:
            ExportError: If there is no sequence, or there are several stages.
        """
        words = []
        for one in datasets:
            stages: Counter[str] = Counter()
            for shard in one.shards:
                stages.update(shard.facts.get("sequences_by_stage", {}))
                if shard.facts["tokens"]:
                    words.append(f"{shard.facts['tokens']} {shard.files[0].path.removesuffix('.bin')}")
            require_one_stage(stages)
        if not words:
            raise ExportError("there is no token sequence to export", "Megatron cannot read an empty dataset")
        return {DATA_ARGS: ("\n".join(words) + "\n").encode()}


FORMAT = MegatronFormat()
