from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dedup.minhash import shingle
from jobs.dedup.winnow import fingerprints

numbers = st.lists(st.integers(0, 9), max_size=40)


def shingles(values, size):
    hashes = np.array(values, np.uint64)
    width = min(size, len(values))
    return [int(shingle(hashes, n, width)) for n in range(len(values) - width + 1)] if values else []


def found(values, size, window):
    out, places = fingerprints(np.array(values, np.uint64), np.array([0, len(values)]), size, window)
    assert places.tolist() == [0, len(out)]
    return [int(value) for value in out.view(np.uint64)]


@settings(max_examples=300, deadline=None)
@given(numbers, st.integers(1, 3), st.integers(1, 9))
def test_the_least_shingle_of_each_window_is_chosen(values, size, window):
    listed = shingles(values, size)
    width = min(window, len(listed))
    wanted = {min(listed[n : n + width]) for n in range(len(listed) - width + 1)} if listed else set()
    assert set(found(values, size, window)) == wanted
    assert len(found(values, size, window)) == len(wanted)


@settings(max_examples=200, deadline=None)
@given(numbers, numbers, st.lists(st.integers(0, 9), min_size=10, max_size=20), numbers, numbers)
def test_a_run_as_long_as_a_window_has_a_common_fingerprint(a, b, common, c, d):
    one, other = found([*a, *common, *b], 3, 8), found([*c, *common, *d], 3, 8)
    assert set(one) & set(other)


def test_texts_are_apart():
    values, places = np.arange(30, dtype=np.uint64), np.array([0, 0, 12, 30])
    out, ends = fingerprints(values, places, 2, 4)
    assert out[: ends[2]].view(np.uint64).tolist() == found(range(12), 2, 4)
    assert out[ends[2] :].view(np.uint64).tolist() == found(range(12, 30), 2, 4)
    assert ends[1] == 0
