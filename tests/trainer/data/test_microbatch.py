from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.pack.assemble import Shape, assemble
from schemas.samples import MEDIUM
from tests.trainer.made_rows import made_batch
from trainer.data.microbatch import KINDS, _padding, microbatches, modality_weights
from trainer.loader.targets import TargetColumns, Targets

CPU = torch.device("cpu")
EVEN = modality_weights({})


def test_rows_become_microbatches_with_their_own_features():
    batch = made_batch([0, 1, 2], 0, 3)
    rows = list(microbatches(batch, EVEN, CPU))
    assert [row.position for row in rows] == [0, 1, 2]
    for number, row in enumerate(rows):
        assert row.tokens.shape == (1, 64)
        assert torch.equal(row.tokens[0].int(), batch.tokens[number])
        for name, (values, place, at) in row.features.items():
            assert values.shape[0] == place.shape[0] == len(at) == 4
            assert (row.tokens[0, at] == 499).all()
            assert torch.equal(values, batch.features[name][0][4 * number : 4 * number + 4])


def test_weights_by_modality_multiply_the_loaders():
    batch = made_batch([0], 0, 1)
    (row,) = microbatches(batch, modality_weights({"speech": 0.0, "image": 3.0}), CPU)
    speech, image = (row.modality[0] == KINDS.index(name) for name in ("speech", "image"))
    assert not row.weights[0, speech].any()
    torch.testing.assert_close(row.weights[0, image], 3 * batch.loss_mask[0, image])


def test_the_tail_is_padding_and_a_last_document_is_not():
    batch = made_batch([0], 0, 1)
    (row,) = microbatches(batch, EVEN, CPU)
    assert row.padding[0].nonzero()[:, 0].tolist() == [60, 61, 62, 63]
    assert row.real == 60
    cuts = batch.cu_seqlens_padded[0]
    batch.cu_seqlens[0] = batch.cu_seqlens_padded[0] = torch.cat([cuts[:-2], cuts[-1:]])
    (row,) = microbatches(batch, EVEN, CPU)
    assert not row.padding.any()


def test_a_pad_row_keeps_one_token_for_the_router():
    (row,) = microbatches(made_batch([-1], 0, 1), EVEN, CPU)
    assert row.real == 1
    assert not row.weights.any()
    assert not row.features


def test_a_modality_that_the_loader_does_not_number_counts_as_other():
    batch = made_batch([0], 0, 1)
    batch.modality[batch.modality == 1] = -1
    (row,) = microbatches(batch, EVEN, CPU)
    other = (row.modality[0] == KINDS.index("other")) & (row.weights[0] > 0)
    assert other.any()
    assert row.real == 60


PAD, END, LENGTH = 900, 800, 64


def packed(sizes: list[int], align: int) -> SimpleNamespace:
    """A batch of the rows that the packing makes of documents of those sizes, with the loader's targets."""
    ids = [np.append(np.arange(10, 9 + n), END).astype("<i4") for n in sizes]
    window = pa.table(
        {
            "sample_id": [f"{i:032x}" for i in range(len(sizes))],
            "license": ["MIT"] * len(sizes),
            "cell": ["text/en/x"] * len(sizes),
            "modality": ["text", "code"] * (len(sizes) // 2) + ["text"] * (len(sizes) % 2),
            "epoch": pa.array([0] * len(sizes), pa.int32()),
            "time": [i / len(sizes) for i in range(len(sizes))],
            "parts": pa.array([[n] for n in sizes], pa.list_(pa.int32())),
            "tokens": [one.tobytes() for one in ids],
            "media": pa.array([[]] * len(sizes), pa.list_(MEDIUM)),
        }
    )
    rows = assemble(window, Shape("pack", LENGTH, align, PAD, END + 1), 0).combine_chunks()
    column = {name: rows.column(name).combine_chunks() for name in rows.column_names}
    tokens = np.stack([np.frombuffer(one, "<i4") for one in column["tokens"].to_pylist()])
    shape = tokens.shape
    made = Targets(
        np.empty(shape, np.int64), np.empty(shape, np.float32), np.empty(shape, np.int64), np.empty(shape, np.int8)
    )
    lists = (column[name] for name in ("cu_seqlens_padded", "segments", "loss_spans"))
    every = np.arange(len(tokens))
    assert TargetColumns.of(*lists).fill(every, every, tokens, made) == -1
    batch = SimpleNamespace(
        tokens=torch.from_numpy(tokens),
        cu_seqlens=[torch.tensor(cuts, dtype=torch.int32) for cuts in column["cu_seqlens"].to_pylist()],
        cu_seqlens_padded=[torch.tensor(cuts, dtype=torch.int32) for cuts in column["cu_seqlens_padded"].to_pylist()],
        features={},
        positions=torch.from_numpy(every),
        **{name: torch.from_numpy(getattr(made, name)) for name in Targets._fields},
    )
    batch.full = lambda: batch
    return batch


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(2, 90), min_size=1, max_size=20), align=st.sampled_from([1, 2, 8, 16, 64]))
def test_every_pad_of_aligned_documents_is_padding_and_no_token_is(sizes, align):
    batch = packed(sizes, align)
    rows = list(microbatches(batch, EVEN, CPU))
    for row in rows:
        assert torch.equal(row.padding, row.tokens == PAD)
        assert not row.weights[row.padding].any()
        # Without the real lengths, the targets of the row say as much.
        inferred = _padding(
            row.packed.cu_seqlens_q, torch.where(row.modality == len(KINDS) - 1, -1, row.modality)[0], row.weights[0]
        )
        assert torch.equal(inferred, row.padding)
    assert sum(row.real for row in rows) == int((batch.tokens != PAD).sum())


@pytest.mark.parametrize("align", [1, 16])
def test_a_factor_of_zero_makes_no_padding(align):
    batch = packed([9, 20, 30, 9], align)
    for row in microbatches(batch, modality_weights({"text": 0.0, "code": 0.0}), CPU):
        assert torch.equal(row.padding, row.tokens == PAD)


def test_a_pad_row_beside_aligned_ones_keeps_one_token():
    batch = packed([20, 20, 20], 16)
    batch.cu_seqlens[0] = batch.cu_seqlens_padded[0] = torch.tensor([0, LENGTH], dtype=torch.int32)
    batch.modality[0], batch.loss_mask[0], batch.labels[0] = -1, 0.0, -100
    row = next(iter(microbatches(batch, EVEN, CPU)))
    assert row.real == 1
