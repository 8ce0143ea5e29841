from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.text.signed_words import signed_words
from jobs.text.words import words


def of(text, *, code=False):
    return [int(word) for word in signed_words(pa.array([text]), np.array([code]))[0]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a < b", "a > b"),
        ("-5 degrees", "5 degrees"),
        ("in C#", "in C++"),
        ("up 👍", "up 👎"),
        ("👍", "👍👍"),
        ("x = 1.5", "x = 15"),
        ("1,5", "1 5"),
        ("a && b", "a || b"),
        ("a != b", "a = b"),
        ("f(-x)", "f(x)"),
        (".5", ".6"),
        ("10^6", "106"),
        ("5 €", "5 $"),
        ("5 %", "5"),
        ("a ≤ b", "a ≥ b"),
        ("p → q", "p ← q"),
    ],
)
def test_signs_of_meaning_count_in_text_and_in_code(one, other):
    assert of(one) != of(other)
    assert of(one, code=True) != of(other, code=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("OK!", "ok"),
        ("“Hello”, world.", "hello world"),
        ("well-known", "well-\n    known"),
        ("한국 사람", "한\n국 사\n람"),
        ("你好。（再见）", "你\n好。\n（再\n见）"),
        ("| a | b |\n| c | d |", "a b c d"),
        ("┌───┐\n│ a │\n└───┘", "a"),
        ("* one\n  - two\n+ three", "one two three"),
        ("## Head\n====", "head"),
    ],
)
def test_layout_line_ends_and_orthography_do_not_count_in_text(one, other):
    assert of(one) == of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(x)", "f[x]"),
        ("'a'", '"a"'),
        ("a; b", "a, b"),
        ("if a: b", "if a b"),
        ("x--", "x++"),
        ("!x", "x"),
        ("a.b", "a,b"),
    ],
)
def test_every_sign_counts_in_code(one, other):
    assert of(one, code=True) != of(other, code=True)


def test_blanks_do_not_count_in_code():
    assert of("f( x )\n}\n}", code=True) == of("f(x) }}", code=True)


@pytest.mark.parametrize("text", ["Plain words in a row", "मैं हिन्दी में", "สวัสดี", "über Straße", "漢字かな", ""])
def test_words_without_signs_are_those_of_words(text):
    assert of(text) == [int(word) for word in words(pa.array([text]))[0]]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from("aé漢か한ก5"), min_size=1, max_size=8), min_size=1, max_size=12), st.randoms())
def test_a_hard_wrapped_copy_has_the_same_words(parts, drawn: random.Random):
    wrapped = parts[0]
    for part in parts[1:]:
        wrapped += drawn.choice([" ", "\n", "  \n  "]) + part
    assert of(" ".join(parts)) == of(wrapped)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=6), st.booleans())
def test_the_words_of_a_text_do_not_depend_on_its_neighbours(texts, code):
    flags = np.full(len(texts), code)
    hashes, places = signed_words(pa.array(texts, pa.string()), flags)
    assert [hashes[places[n] : places[n + 1]].tolist() for n in range(len(texts))] == [of(t, code=code) for t in texts]
