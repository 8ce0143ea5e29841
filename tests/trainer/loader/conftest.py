"""Small lakes of packed rows whose tokens tell what they are, written as the contract says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import ColumnProperties, DeltaTable, WriterProperties, write_deltalake

from schemas.mixture import sequences
from schemas.samples import vocabulary

LENGTH = 32
PAD_ID = 7
FIRST = 1000  # id of a document's first token is FIRST + its number
MODALITIES = ("text", "code", "speech", "image")


def packed_rows(stage: str, rows: int, *, length: int = LENGTH, begin: int = 0, seed: int = 0) -> pa.Table:
    """Make rows at positions begin .. begin + rows: documents of 3 to 12 tokens, numbered through, and a tail."""
    rng = np.random.default_rng([seed, begin, rows])
    made = []
    for position in range(begin, begin + rows):
        tokens = np.full(length, PAD_ID, np.int32)
        cuts, segments, spans, at = [0], [], [], 0
        number = position * 100
        while length - at >= 5:
            n = int(min(rng.integers(3, 13), length - at))
            tokens[at] = FIRST + number
            tokens[at + 1 : at + n] = rng.integers(10, 900, n - 1)
            modality = MODALITIES[number % 4]
            segments.append(segment(f"s{number}", at, at + n, modality))
            spans.append({"begin": at + 1, "end": at + n, "weight": 1.0 if number % 3 else 0.5})
            at += n
            cuts.append(at)
            number += 1
        if at < length:
            cuts.append(length)
        made.append(row(stage, position, tokens, cuts, segments, spans, n_tokens=at))
    return pa.Table.from_pylist(made, schema=sequences.schema)


def segment(sample_id, begin, end, modality, role="token", **more):
    empty = dict.fromkeys(("feature_spec", "media_id", "media_begin", "media_end", "time", "camera", "columns"))
    return {
        "sample_id": sample_id,
        "begin": begin,
        "end": end,
        "modality": modality,
        "role": role,
        "offset": 0,
        **empty,
        **more,
    }


def row(stage, position, tokens, cuts, segments, spans, *, n_tokens, padded=None, pairs=()):
    return {
        "sample_id": f"{stage}-{position}",
        "parent_ids": [s["sample_id"] for s in segments],
        "source": "made",
        "license": "CC0-1.0",
        "run_id": "r",
        "stage": stage,
        "position": position,
        "tokens": tokens.astype("<i4").tobytes(),
        "cu_seqlens": cuts,
        "cu_seqlens_padded": padded or cuts,
        "segments": segments,
        "loss_spans": spans,
        "pairs": list(pairs),
        "n_tokens": n_tokens,
        "cells": [("text/en/x", n_tokens)],
    }


@dataclass
class MadeLake:
    """A lake in a folder, and the makers of its rows."""

    root: Path
    packed_rows = staticmethod(packed_rows)
    segment = staticmethod(segment)
    row = staticmethod(row)

    @property
    def sequences(self) -> str:
        return str(self.root / "gold" / "sequences")

    def write(
        self, rows: pa.Table, *, mode: str = "append", group: int | None = None, compressed: bool = False
    ) -> None:
        """Append rows as one file; its row groups hold `group` rows."""
        properties = WriterProperties(
            compression="ZSTD" if compressed else "UNCOMPRESSED",
            max_row_group_size=group or 1 << 20,
            data_page_size_limit=None if compressed else 1 << 30,
            default_column_properties=ColumnProperties(dictionary_enabled=compressed),
        )
        nullable = rows.cast(pa.schema([field.with_nullable(True) for field in rows.schema]))
        write_deltalake(self.sequences, nullable, mode=mode, writer_properties=properties)

    def write_vocabulary(self) -> None:
        ids = {"text": (0, 100_000, "text"), "<|pad|>": (PAD_ID, PAD_ID + 1, "mark")}
        rows = [
            {"name": name, "begin": b, "end": e, "kind": kind, "text": None, "run_id": "r"}
            for name, (b, e, kind) in ids.items()
        ]
        write_deltalake(
            str(self.root / "gold" / "vocabulary"),
            pa.Table.from_pylist(rows, schema=vocabulary.schema),
            mode="overwrite",
        )

    def versions(self) -> dict[str, int]:
        return {f"gold.{path.name}": DeltaTable(str(path)).version() for path in sorted((self.root / "gold").iterdir())}


@pytest.fixture
def lake(tmp_path: Path) -> MadeLake:
    made = MadeLake(tmp_path)
    made.write_vocabulary()
    return made


@pytest.fixture(scope="session")
def wide(tmp_path_factory) -> MadeLake:
    """A lake of two stages in scrambled files: cold has 700 rows of 32, hot 40 rows of 16 tokens."""
    made = MadeLake(tmp_path_factory.mktemp("wide"))
    made.write_vocabulary()
    cold, hot = packed_rows("cold", 700), packed_rows("hot", 40, length=16)
    order = np.random.default_rng(1).permutation(200)
    made.write(cold.slice(500, 200), group=64)
    made.write(hot.slice(0, 30))
    made.write(pa.concat_tables([hot.slice(30), cold.slice(0, 100)]), group=50)
    made.write(cold.slice(300, 200).take(pa.array(order)), group=70)
    made.write(cold.slice(100, 200), compressed=True)
    return made
