from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.pack.best_fit import best_fit, copy_ranges, least_discrepancy


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 100), min_size=1, max_size=200))
def test_best_fit_opens_a_row_only_where_none_holds_the_size(sizes):
    ordered = np.sort(np.array(sizes, np.int64))[::-1]
    rows, count = best_fit(ordered, 100)
    free: list[int] = []
    for size, row in zip(ordered.tolist(), rows.tolist(), strict=True):
        holding = [space for space in free if space >= size]
        if row == len(free):
            assert not holding
            free.append(100 - size)
        else:
            assert free[row] == min(holding)
            free[row] -= size
    assert count == len(free)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(2, 60), cells=st.integers(1, 6))
def test_every_prefix_of_rows_is_near_the_shares(seed, rows, cells):
    rng = np.random.default_rng(seed)
    counts = np.stack([np.bincount(rng.integers(0, cells, 4), minlength=cells) * 16 for _ in range(rows)])
    order = least_discrepancy(counts)
    assert sorted(order.tolist()) == list(range(rows))

    def worst(places: np.ndarray) -> float:
        held = np.cumsum(counts[places], axis=0)
        shares = counts.sum(axis=0) / counts.sum()
        return float(np.abs(held - shares * held.sum(axis=1, keepdims=True)).max())

    # A row holds 64 tokens; the greedy order stays within a few rows of the shares whatever comes.
    assert worst(order) <= 3 * 64


def test_the_order_of_rows_beats_chance():
    rng = np.random.default_rng(1)
    counts = np.eye(4, dtype=np.int64)[rng.integers(0, 4, 400)] * 4096
    shares = counts.sum(axis=0) / counts.sum()

    def worst(places: np.ndarray) -> float:
        held = np.cumsum(counts[places], axis=0)
        return float(np.abs(held - shares * held.sum(axis=1, keepdims=True)).max())

    assert worst(least_discrepancy(counts)) < worst(rng.permutation(400)) / 5


def test_ranges_are_copied_to_their_places():
    out = np.zeros(8, np.int32)
    source = np.arange(10, 20, dtype=np.int32)
    copy_ranges(source, np.array([0, 5]), np.array([2, 3]), np.array([4, 0]), out)
    assert out.tolist() == [15, 16, 17, 0, 10, 11, 0, 0]
