from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.loader.order import BLOCK, PAD, rank_rows, stored_positions


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 2000), seed=st.integers(-5, 2**63), epoch=st.integers(0, 3))
def test_each_epoch_is_a_bijection_within_blocks(rows, seed, epoch):
    found = stored_positions(epoch * rows, (epoch + 1) * rows, rows=rows, seed=seed)
    assert np.array_equal(np.sort(found), np.arange(rows))
    assert np.array_equal(found // BLOCK, np.arange(rows) // BLOCK)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 1500),
    seed=st.integers(0, 9),
    begin=st.integers(0, 4000),
    lengths=st.lists(st.integers(0, 300), max_size=8),
)
def test_a_range_is_the_same_however_it_is_cut(rows, seed, begin, lengths):
    whole = stored_positions(begin, begin + sum(lengths), rows=rows, seed=seed)
    edges = begin + np.cumsum([0, *lengths])
    parts = [stored_positions(int(a), int(b), rows=rows, seed=seed) for a, b in itertools.pairwise(edges)]
    assert np.array_equal(np.concatenate([np.empty(0, np.int64), *parts]), whole)


def test_seed_zero_is_the_stored_order_and_others_differ():
    assert np.array_equal(stored_positions(0, 600, rows=300, seed=0), np.r_[np.arange(300), np.arange(300)])
    first = stored_positions(0, 300, rows=300, seed=1)
    assert not np.array_equal(first, np.arange(300))
    assert not np.array_equal(first, stored_positions(0, 300, rows=300, seed=2))
    assert not np.array_equal(first, stored_positions(300, 600, rows=300, seed=1))


def test_a_permutation_leaves_no_trace_of_the_order():
    drawn = np.stack([stored_positions(0, BLOCK, rows=BLOCK, seed=seed) for seed in range(1, 401)])
    # Uniform: the mean place of each row is 127.5, its standard error 73.9 / sqrt(400) = 3.7.
    assert np.abs(np.argsort(drawn, axis=1).mean(axis=0) - 127.5).max() < 5 * 3.7


def test_a_seek_to_any_depth_costs_the_same():
    deep = stored_positions(10**15, 10**15 + 8, rows=10**12, seed=3)
    assert np.array_equal(deep // BLOCK, (np.arange(8) + 10**15) % 10**12 // BLOCK)


@settings(max_examples=40, deadline=None)
@given(world=st.integers(1, 9), batch=st.integers(1, 40), n=st.integers(0, 40))
def test_ranks_share_a_batch(world, batch, n):
    rows = np.arange(100, 100 + min(n, batch))
    shares = [rank_rows(rows, rank=rank, world=world, global_batch=batch) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    together = np.stack(shares, axis=1).ravel()
    assert np.array_equal(together[together != PAD], rows)
    for share in shares:
        assert (np.diff((share == PAD).astype(int)) >= 0).all()
