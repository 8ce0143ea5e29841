from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dedup.keep_first_kernel import intersection
from jobs.dedup.minhash import band_keys, shingle_sets, signatures, split_mix
from jobs.text.signed_words import signed_words

WORDS = [f"w{n}" for n in range(12)]
sentences = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)


def python_shingles(text, size):
    tokens = text.split()
    width = min(size, len(tokens))
    return {tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1)} if tokens else set()


@settings(max_examples=200, deadline=None)
@given(sentences, sentences, st.integers(1, 5))
def test_exact_jaccard_is_that_of_python_sets(a, b, size):
    sets, places = shingle_sets(pa.array([a, b]), size, np.zeros(2, bool))
    left, right = sets[: places[1]], sets[places[1] :]
    one, two = python_shingles(a, size), python_shingles(b, size)
    assert (len(left), len(right)) == (len(one), len(two))
    assert intersection(left, right) == len(one & two)
    assert np.all(left[1:] > left[:-1])


def test_the_fraction_of_equal_hashes_estimates_jaccard():
    drawn = np.random.default_rng(3)
    permutations = 2048
    for overlap in (0.2, 0.5, 0.8, 0.95):
        base = drawn.permutation(20_000)[:1500].astype(str)
        other = base.copy()
        other[int(len(base) * overlap) :] = [f"x{n}" for n in range(len(base) - int(len(base) * overlap))]
        rows = pa.array([" ".join(base), " ".join(other)])
        sets, places = shingle_sets(rows, 5, np.zeros(len(rows), bool))
        both = intersection(sets[: places[1]], sets[places[1] :])
        true = both / (len(sets) - both)
        signature, _ = signatures(*signed_words(rows, np.zeros(2, bool)), permutations, 5)
        estimate = (signature[0] == signature[1]).mean()
        # Four standard deviations of the mean of Bernoulli draws.
        assert abs(estimate - true) < 4 * np.sqrt(true * (1 - true) / permutations) + 1e-9


def test_signatures_are_the_least_value_of_each_permutation():
    rows = pa.array(["a b c d e f g h", "x y", ""])
    signature, counts = signatures(*signed_words(rows, np.zeros(3, bool)), 16, 5)
    drawn = split_mix(0x6D69786C616B6531, 32) >> np.uint64(32)
    factors, terms = drawn[:16] | np.uint64(1), drawn[16:]
    sets, places = shingle_sets(rows, 5, np.zeros(len(rows), bool))
    for row in (0, 1):
        high = sets[places[row] : places[row + 1]] >> np.uint64(32)
        wanted = [min(int(x) * int(f) + int(t) & 0xFFFFFFFF for x in high) for f, t in zip(factors, terms, strict=True)]
        assert signature[row].tolist() == wanted
    assert counts.tolist() == [4, 1, 0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=12, max_size=12), st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_band_keys_are_equal_exactly_where_all_rows_of_the_band_are(a, b):
    keys = band_keys(np.array([a, b], np.uint32), 4, 3)
    wanted = [a[i : i + 3] == b[i : i + 3] for i in range(0, 12, 3)]
    assert (keys[0] == keys[1]).tolist() == wanted


def test_band_keys_are_those_of_a_slow_reference():
    signature = np.array([[1, 2, 3, 4]], np.uint32)
    mask = (1 << 64) - 1
    wanted = []
    for band in range(2):
        x = (band + 1) * 0x9E3779B97F4A7C15 & mask
        for row in range(2):
            x = (x ^ int(signature[0, 2 * band + row])) * 0xBF58476D1CE4E5B9 & mask
            x ^= x >> 27
        x = x * 0x94D049BB133111EB & mask
        wanted.append(x ^ (x >> 31))
    assert band_keys(signature, 2, 2).view(np.uint64)[0].tolist() == wanted


def test_the_same_values_in_other_bands_are_other_keys():
    keys = band_keys(np.full((1, 12), 7, np.uint32), 4, 3)
    assert len(set(keys[0].tolist())) == 4
