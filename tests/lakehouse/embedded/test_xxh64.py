from __future__ import annotations

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.embedded.xxh64 import bytes_hash, fold_bytes, fold_ints, fold_longs, fold_nulls, sort_runs

SEEDS = st.integers(0, (1 << 64) - 1)


def bytes_of(data):
    return np.frombuffer(data, np.uint8)


def running(*hashes):
    return np.array([hashes, hashes], np.uint64)


def longs(*values):
    return np.array(values, np.int64)


# From the test suite of the reference implementation and its documentation.
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_known_hashes(data, expected):
    assert bytes_hash(0, bytes_of(data), 0, len(data)) == expected


@given(st.binary(max_size=200), SEEDS, st.integers(0, 9), st.integers(0, 9))
def test_any_bytes_hash_as_the_reference_implementation_has_it(data, seed, before, after):
    whole = b"\xff" * before + data + b"\xff" * after
    expected = xxhash.xxh64_intdigest(data, seed=seed)
    assert bytes_hash(seed, bytes_of(whole), before, before + len(data)) == expected


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(1 << 31), (1 << 31) - 1), SEEDS)
def test_numbers_hash_as_their_bytes(long, small, seed):
    hashes = running(seed)
    fold_longs(hashes, longs(0), longs(1), np.array([True]), longs(long))
    fold_ints(hashes, longs(0), longs(1), np.array([True]), np.array([small], np.int32))
    first = xxhash.xxh64_intdigest(long.to_bytes(8, "little", signed=True), seed=seed)
    expected = xxhash.xxh64_intdigest(small.to_bytes(4, "little", signed=True), seed=first)
    assert hashes.tolist() == [[expected], [expected]]


def test_runs_are_folded_in_order_and_nulls_passed_over():
    hashes = running(1, 2, 3)
    offsets = np.array([0, 1, 3, 3, 6], np.int32)
    valid = np.array([True, False, True, True])
    fold_bytes(hashes, longs(0, 2, 2), longs(2, 2, 4), valid, offsets, bytes_of(b"abcdef"))
    first = xxhash.xxh64_intdigest(b"a", seed=1)
    third = xxhash.xxh64_intdigest(b"def", seed=xxhash.xxh64_intdigest(b"", seed=3))
    assert hashes.tolist() == [[first, 2, third]] * 2


def test_a_null_is_a_one():
    hashes = running(7, 7)
    fold_nulls(hashes, np.array([True, False]))
    expected = [xxhash.xxh64_intdigest(flag.to_bytes(4, "little"), seed=7) for flag in (0, 1)]
    assert hashes.tolist() == [expected] * 2


def test_runs_are_sorted_each_by_itself():
    values = longs(3, -1, 2, 9, 0, 5, 4)
    sort_runs(longs(0, 3, 4), longs(3, 3, 7), values)
    assert values.tolist() == [-1, 2, 3, 9, 0, 4, 5]
