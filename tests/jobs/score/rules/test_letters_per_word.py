from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from jobs.score.rules.letters_per_word import WITHOUT_SPACES, letters_as_words
from jobs.text.characters import SOLO, word_classes
from jobs.text.scripts import NAMES, script_numbers
from jobs.text.words import words


def of(text, script):
    _, _, places = words(pa.array([text]))
    return letters_as_words(pa.array([text]), [script], np.diff(places)).per_word.tolist()[0]


def test_letters_of_scripts_without_spaces_make_words_together():
    assert of("孩子们坐在老树下看书", "Hans") == pytest.approx(1.5)
    assert of("子どもたちは本を読んでいた", "Jpan") == pytest.approx(2.1)
    assert of("Children sit below a tree.", "Latn") == 1


def test_words_of_an_alphabet_count_as_they_are():
    assert of("看书 read books", "Hans") == pytest.approx(1.25)
    assert 1 < of("用 Python 写 a function", "Hans") < 1.25


def test_empty_texts_have_words_of_one():
    found = letters_as_words(pa.array(["", None]), ["Hans", "Zyyy"], np.array([0, 0]))
    assert found.per_word.tolist() == [1.0, 1.0]
    assert found.fraction.tolist() == [0.0, 0.0]


def test_letters_count_in_a_text_of_another_script_too():
    text = pa.array(["look at 列宽 and 表格 of it", "look at it"])
    _, _, places = words(text)
    found = letters_as_words(text, ["Latn", "Latn"], np.diff(places))
    assert found.fraction.tolist() == pytest.approx([4 / 9, 0])
    assert found.per_word.tolist() == pytest.approx([1 + 0.5 * 4 / 9, 1])


def test_scripts_without_spaces_are_those_whose_letters_are_words():
    numbers = script_numbers()[word_classes() == SOLO]
    assert {NAMES[number] for number in np.unique(numbers) if number != 255} == set(WITHOUT_SPACES)
