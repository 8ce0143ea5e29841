from __future__ import annotations

import torch

from tests.trainer.made_rows import made_batch
from trainer.data.microbatch import KINDS, microbatches, modality_weights

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
    batch.cu_seqlens_padded[0] = batch.cu_seqlens_padded[0][:-1]
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
