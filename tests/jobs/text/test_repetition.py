from __future__ import annotations

import collections

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.text.repetition import DUPLICATE, TOP, distinct_of, ngram_fractions
from jobs.text.words import word_hash, words


def slow_top(tokens, n):
    grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    counts = collections.Counter(grams)
    most = max(counts.values(), default=1)
    if most < 2:
        return {0.0}
    longest = max(len("".join(g)) for g, c in counts.items() if c == most)
    answers = set()
    for gram in (g for g, c in counts.items() if c == most and len("".join(g)) == longest):
        covered = i = 0
        while i < len(grams):
            if grams[i] == gram:
                covered += len("".join(gram))
                i += n
            else:
                i += 1
        answers.add(covered / len("".join(tokens)))
    return answers


def slow_duplicate(tokens, n):
    seen, covered, i = set(), 0, 0
    grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    while i < len(grams):
        if grams[i] in seen:
            covered += len("".join(grams[i]))
            i += n
        else:
            seen.add(grams[i])
            i += 1
    return covered / len("".join(tokens)) if len(grams) > 1 else 0.0


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["a", "bb", "ccc", "d"]), max_size=40), min_size=1, max_size=3))
def test_fractions_are_those_of_the_definition(rows):
    top, duplicate = ngram_fractions(*words(pa.array([" ".join(tokens) for tokens in rows])))
    for row, tokens in enumerate(rows):
        for place, n in enumerate(TOP):
            wanted = slow_top(tokens, n) if len(tokens) > n else {0.0}
            assert any(top[row, place] == pytest.approx(w) for w in wanted)
        for place, n in enumerate(DUPLICATE):
            assert duplicate[row, place] == pytest.approx(slow_duplicate(tokens, n))


def test_a_text_said_twice_is_half_duplicate():
    once = " ".join(f"w{n:04}" for n in range(2520))  # 5 to 10 divide it
    _, duplicate = ngram_fractions(*words(pa.array([once, f"{once} {once}"])))
    assert duplicate[0].tolist() == [0.0] * 6
    assert duplicate[1].tolist() == pytest.approx([0.5] * 6)


def test_distinct_words_are_counted_once_and_by_row():
    hashes, _, places = words(pa.array(["The the THE of", "nothing", ""]))
    wanted = np.array([word_hash("the"), word_hash("of")], np.uint64)
    assert distinct_of(hashes, places, wanted).tolist() == [2, 0, 0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["a", "bb", "ccc", "d"]), max_size=60), st.sampled_from([1.0, 1.5, 2.1, 3.7]))
def test_phrases_of_letters_are_as_many_times_as_long(tokens, per_word):
    top, duplicate = ngram_fractions(*words(pa.array([" ".join(tokens)])), np.array([per_word]))
    for place, n in enumerate(TOP):
        size = int(n * per_word + 0.5)
        wanted = slow_top(tokens, size) if len(tokens) > size else {0.0}
        assert any(top[0, place] == pytest.approx(w) for w in wanted)
    for place, n in enumerate(DUPLICATE):
        assert duplicate[0, place] == pytest.approx(slow_duplicate(tokens, int(n * per_word + 0.5)))
