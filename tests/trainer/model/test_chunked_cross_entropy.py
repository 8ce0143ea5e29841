from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.model import chunked_cross_entropy as module
from trainer.model.chunked_cross_entropy import linear_cross_entropy, logits_dtype


def plain(hidden, weight, targets, weights):
    return (torch.nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="none") * weights).sum()


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 40),
    rows=st.integers(2, 70),
    chunk=st.integers(1, 50),
    block=st.integers(1, 80),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
    seed=st.integers(0, 1000),
)
def test_chunks_and_blocks_equal_plain_cross_entropy(count, rows, chunk, block, scale, seed):
    torch.manual_seed(seed)
    hidden = (torch.randn(count, 8) * scale).requires_grad_()
    weight = torch.randn(rows, 8).requires_grad_()
    targets, weights = torch.randint(rows, (count,)), torch.rand(count)
    expected = plain(hidden, weight, targets, weights)
    expected_grads = torch.autograd.grad(3 * expected, [hidden, weight])
    before, module._BLOCK = module._BLOCK, block
    try:
        total, losses = linear_cross_entropy(hidden, weight, targets, weights, chunk=chunk)
    finally:
        module._BLOCK = before
    grads = torch.autograd.grad(3 * total, [hidden, weight])
    torch.testing.assert_close(total, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close((losses * weights).sum(), expected, rtol=1e-4, atol=1e-4)
    for found, wanted in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * scale)


def test_bfloat16_products_stay_near():
    torch.manual_seed(0)
    hidden, weight = torch.randn(64, 16, requires_grad=True), torch.randn(1000, 16, requires_grad=True)
    targets, weights = torch.randint(1000, (64,)), torch.ones(64)
    expected = plain(hidden, weight, targets, weights)
    total, _ = linear_cross_entropy(hidden, weight, targets, weights, dtype=torch.bfloat16)
    assert abs(total - expected) / expected < 1e-3
    near, exact = torch.autograd.grad(total, weight)[0], torch.autograd.grad(expected, weight)[0]
    assert (near - exact).norm() / exact.norm() < 1e-2


def test_no_targets_give_no_loss_and_no_gradient():
    hidden, weight = torch.zeros(0, 4, requires_grad=True), torch.randn(9, 4, requires_grad=True)
    total, losses = linear_cross_entropy(hidden, weight, torch.zeros(0, dtype=torch.long), torch.zeros(0))
    assert total == 0
    assert len(losses) == 0
    assert not torch.autograd.grad(total, weight)[0].any()


def test_without_gradients_the_loss_is_the_same():
    torch.manual_seed(0)
    hidden, weight, targets = torch.randn(5, 4), torch.randn(9, 4), torch.randint(9, (5,))
    total, _ = linear_cross_entropy(hidden, weight, targets, torch.ones(5))
    torch.testing.assert_close(total, plain(hidden, weight, targets, torch.ones(5)))


def test_a_named_type_is_that_type():
    assert logits_dtype("bfloat16", torch.float32) is torch.bfloat16
    assert logits_dtype("auto", torch.bfloat16) is torch.bfloat16
