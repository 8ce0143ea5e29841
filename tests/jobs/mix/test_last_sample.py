from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.mix.last_sample import FREE, choose_last_samples


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), fraction=st.floats(0.2, 0.8))
def test_many_small_samples_meet_any_need(seed, fraction):
    sizes = np.random.default_rng(seed).lognormal(6, 1, 120).astype(np.int64) + 2
    needed = int(sizes.sum() * fraction)
    chosen = choose_last_samples(sizes, np.zeros(120, bool), needed, needed * 4)
    assert abs(sizes[chosen].sum() - needed) <= 0.005 * needed * 4


def test_only_samples_near_the_end_are_free():
    sizes = np.full(2 * FREE, 10, np.int64)
    taken = np.arange(2 * FREE) % 2 == 0
    chosen = choose_last_samples(sizes, taken, 10 * FREE, 100_000)
    assert (chosen[FREE:] == taken[FREE:]).all()
    assert sizes[chosen].sum() == 10 * FREE


def test_the_nearest_sum_is_taken_where_none_is_exact():
    sizes = np.array([70, 50], np.int64)
    assert choose_last_samples(sizes, np.zeros(2, bool), 55, 55).tolist() == [False, True]
    assert choose_last_samples(sizes, np.zeros(2, bool), 118, 118).tolist() == [True, True]
    assert choose_last_samples(sizes, np.zeros(2, bool), 20, 20).tolist() == [False, False]


def test_nothing_is_needed_nothing_is_taken():
    assert not choose_last_samples(np.array([5, 5], np.int64), np.ones(2, bool), 0, 100).any()


def test_one_sample_larger_than_all_others_is_left_out_where_they_suffice():
    sizes = np.array([50_000, *[600] * 400], np.int64)
    taken = np.array([True, *[False] * 400])
    chosen = choose_last_samples(sizes, taken, 30_000, 1_000_000)
    assert abs(sizes[chosen].sum() - 30_000) <= 600
