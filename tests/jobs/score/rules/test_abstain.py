from __future__ import annotations

import numpy as np
import pyarrow as pa

from jobs.score.rules.abstain import abstaining
from jobs.score.rules.letters_per_word import LettersAsWords

NAMES = (
    "mean_word_length",
    "stop_words",
    "top_2gram_chars",
    "top_3gram_chars",
    "top_4gram_chars",
    "ellipsis_lines",
    "n",
)


def of(values, script, language, words=1000, letters=0.0, lines=10, names=NAMES):
    n = len(values)
    found = abstaining(
        {name: np.array(values) for name in names},
        script,
        language,
        LettersAsWords(np.ones(n), np.full(n, letters)),
        np.full(n, words),
        np.full(n, lines),
    )
    return {name: pa.array(column).to_pylist() for name, column in found.items()}


def test_scores_are_null_where_nothing_is_counted_and_kept_elsewhere():
    out = of([4.0, 1.0], ["Latn", "Thai"], ["en-US", "th"])
    assert out["mean_word_length"] == [4.0, None]
    assert out["stop_words"] == [4.0, None]
    assert out["top_4gram_chars"] == [4.0, 1.0]
    assert out["n"] == [4.0, 1.0]


def test_phrases_of_scripts_whose_words_nobody_counted_are_no_scores():
    out = of([0.1, 0.5], ["Hans", "Bali"], ["zh", "ban"], names=(*NAMES, "duplicate_5gram_chars"))
    assert out["top_2gram_chars"] == out["duplicate_5gram_chars"] == [0.1, None]


def test_the_commonest_phrase_of_a_few_words_is_no_score():
    assert of([0.3], ["Latn"], ["en"], words=40)["top_4gram_chars"] == [None]
    assert of([0.3], ["Latn"], ["en"], words=100)["top_4gram_chars"] == [0.3]


def test_words_of_a_page_with_letters_for_words_have_no_length():
    assert of([2.5], ["Latn"], ["en"], letters=0.2)["mean_word_length"] == [None]


def test_few_lines_are_not_cut_and_few_words_need_one_common_one():
    assert of([0.5], ["Latn"], ["en"], lines=4)["ellipsis_lines"] == [None]
    assert of([0.5], ["Latn"], ["en"], lines=10)["ellipsis_lines"] == [0.5]
    assert of([1, 0], ["Latn"] * 2, ["en"] * 2, words=30)["stop_words"] == [None, 0]
    assert of([1, 0], ["Latn"] * 2, ["en"] * 2, words=60)["stop_words"] == [1, 0]
