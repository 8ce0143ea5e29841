from __future__ import annotations

import numpy as np
import pyarrow as pa

from jobs.score.rules.abstain import abstaining
from jobs.text.characters import SOLO, word_classes
from jobs.text.scripts import NAMES, script_numbers


def test_scores_are_null_where_nothing_is_counted_and_kept_elsewhere():
    scores = {
        "mean_word_length": np.array([4.0, 1.0]),
        "stop_words": np.array([2, 0]),
        "top_4gram_chars": np.array([0.1, 0.5]),
        "duplicate_10gram_chars": np.array([0.1, 0.5]),
        "n": np.array([1, 2]),
    }
    out = abstaining(scores, ["Latn", "Thai"], ["en-US", "th"])
    assert pa.array(out["mean_word_length"]).to_pylist() == [4.0, None]
    assert pa.array(out["stop_words"]).to_pylist() == [2, None]
    assert pa.array(out["top_4gram_chars"]).to_pylist() == [0.1, 0.5]
    assert list(out["n"]) == [1, 2]


def test_phrases_of_scripts_whose_words_nobody_counted_are_no_scores():
    scores = {name: np.array([0.1, 0.5]) for name in ("top_2gram_chars", "duplicate_5gram_chars")}
    out = abstaining(scores, ["Hans", "Bali"], ["zh", "ban"])
    assert [pa.array(values).to_pylist() for values in out.values()] == [[0.1, None]] * 2


def test_scripts_without_spaces_are_those_whose_letters_are_words():
    from jobs.score.rules.abstain import WITHOUT_SPACES

    numbers = script_numbers()[word_classes() == SOLO]
    assert {NAMES[number] for number in np.unique(numbers) if number != 255} == set(WITHOUT_SPACES)
