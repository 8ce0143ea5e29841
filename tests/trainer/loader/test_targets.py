"""Derived tensors against a slow reading of the contract."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lakehouse.errors import LakeError
from schemas.mixture import sequences
from trainer.loader import PackedLoader
from trainer.loader.labels import IGNORED, MODALITIES


def slow(row, length):
    """Return labels, loss mask, position ids and modality of one row, token by token."""
    tokens = np.frombuffer(row["tokens"], "<i4")
    labels, mask = np.full(length, IGNORED), np.zeros(length, np.float32)
    places, modality = np.zeros(length, np.int64), np.full(length, -1)
    for i in range(length):
        places[i] = i - max(cut for cut in row["cu_seqlens_padded"] if cut <= i)
    for i in range(1, length):
        for span in row["loss_spans"]:
            if span["begin"] <= i < span["end"] and span["weight"] > 0:
                labels[i - 1], mask[i - 1] = tokens[i], span["weight"]
        for segment in row["segments"]:
            if segment["begin"] <= i < segment["end"] and segment["modality"] in MODALITIES:
                modality[i - 1] = MODALITIES.index(segment["modality"])
    return labels, mask, places, modality


@pytest.mark.parametrize("seed", [0, 6])
@pytest.mark.parametrize("world", [1, 3])
def test_a_full_batch_is_what_the_contract_says(wide, seed, world):
    from deltalake import DeltaTable

    stored = (
        DeltaTable(wide.sequences).to_pyarrow_table(filters=[("stage", "=", "cold")]).sort_by("position").to_pylist()
    )
    loader = PackedLoader(
        str(wide.root), wide.versions(), "cold", seed=seed, rank=world - 1, world=world, global_batch=90
    )
    for step in (0, 3, 7):
        batch = loader.step(step).full()
        assert batch.full() is batch
        for i, position in enumerate(batch.positions.tolist()):
            if position < 0:
                continue
            row = stored[position]
            for found, expected in zip(
                (batch.labels, batch.loss_mask, batch.position_ids, batch.modality), slow(row, 32), strict=True
            ):
                assert np.array_equal(found[i].numpy(), expected)
            assert batch.cu_seqlens[i].tolist() == row["cu_seqlens"]
            assert batch.cu_seqlens_padded[i].tolist() == row["cu_seqlens_padded"]
            assert [s["sample_id"] for s in batch.segments[i].as_py()] == row["parent_ids"]
            assert batch.loss_spans[i].as_py() == row["loss_spans"]


def test_types_and_shapes(wide):
    import torch

    batch = PackedLoader(str(wide.root), wide.versions(), "cold", global_batch=70).step(0).full()
    shape = (70, 32)
    for name, dtype in {
        "tokens": torch.int32,
        "labels": torch.int64,
        "loss_mask": torch.float32,
        "position_ids": torch.int64,
        "modality": torch.int8,
    }.items():
        found = getattr(batch, name)
        assert (found.dtype, tuple(found.shape)) == (dtype, shape)
    assert batch.positions.dtype == torch.int64
    assert all(one.dtype == torch.int32 for one in batch.cu_seqlens)


def test_aligned_documents_begin_where_the_padded_boundaries_say(lake):
    tokens = np.arange(1, 17, dtype=np.int32)
    segments = [lake.segment("a", 0, 3, "text"), lake.segment("b", 4, 9, "scene")]
    spans = [{"begin": 1, "end": 3, "weight": 1.0}, {"begin": 5, "end": 9, "weight": 2.0}]
    row = lake.row("cold", 0, tokens, [0, 3, 8, 12], segments, spans, n_tokens=8, padded=[0, 4, 12, 16])
    lake.write(pa.Table.from_pylist([row], schema=sequences.schema))
    batch = PackedLoader(str(lake.root), lake.versions(), "cold", global_batch=1).step(0).full()
    assert batch.cu_seqlens[0].tolist() == [0, 3, 8, 12]
    assert batch.position_ids[0].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3]
    ignored = IGNORED
    assert batch.labels[0].tolist() == [2, 3, ignored, ignored, 6, 7, 8, 9, *[ignored] * 8]
    assert batch.loss_mask[0].tolist() == [1, 1, 0, 0, 2, 2, 2, 2, *[0] * 8]
    assert batch.modality[0].tolist() == [0, 0, *[-1] * 14]


@pytest.mark.parametrize(
    ("cuts", "segment", "span"),
    [
        ([0, 16], (0, 17), (1, 2)),
        ([0, 16], (0, 4), (0, 4)),
        ([0, 16], (0, 4), (1, 17)),
        ([0, 20, 16], (0, 4), (1, 4)),
        ([1, 16], (0, 4), (1, 4)),
    ],
)
def test_ranges_outside_the_row_are_refused(lake, cuts, segment, span):
    rows = [
        lake.row(
            "cold",
            position,
            np.arange(16, dtype=np.int32),
            cuts if position == 1 else [0, 16],
            [lake.segment("a", *(segment if position == 1 else (0, 4)), "text")],
            [{"begin": b, "end": e, "weight": 1.0} for b, e in [span if position == 1 else (1, 4)]],
            n_tokens=16,
        )
        for position in range(3)
    ]
    lake.write(pa.Table.from_pylist(rows, schema=sequences.schema))
    loader = PackedLoader(str(lake.root), lake.versions(), "cold", global_batch=3)
    with pytest.raises(LakeError, match="position 1 are outside the row"):
        loader.step(0).full()
