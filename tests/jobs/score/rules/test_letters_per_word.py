from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from jobs.score.rules.letters_per_word import letters_per_word
from jobs.text.words import words


def of(text, script):
    _, _, places = words(pa.array([text]))
    return letters_per_word(pa.array([text]), [script], np.diff(places)).tolist()[0]


def test_letters_of_scripts_without_spaces_make_words_together():
    assert of("孩子们坐在老树下看书", "Hans") == 1.5
    assert of("子どもたちは本を読んでいた", "Jpan") == 2.1
    assert of("Children sit below a tree.", "Latn") == 1


def test_words_of_an_alphabet_count_as_they_are():
    assert of("看书 read books", "Hans") == pytest.approx(1.25)
    assert 1 < of("用 Python 写 a function", "Hans") < 1.25


def test_empty_texts_have_words_of_one():
    assert letters_per_word(pa.array(["", None]), ["Hans", "Zyyy"], np.array([0, 0])).tolist() == [1.0, 1.0]
