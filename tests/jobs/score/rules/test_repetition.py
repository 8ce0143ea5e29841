from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from jobs.score.rules.letters_per_word import letters_as_words
from jobs.score.rules.measured import measure
from jobs.score.rules.repetition import repetition


def test_repeated_lines_and_phrases_are_rated():
    columns = repetition(measure(pa.array(["same line\nsame line\nother text", "all of these words differ"])))
    assert columns["duplicate_lines"].tolist() == pytest.approx([1 / 3, 0])
    assert columns["duplicate_line_chars"][0] == pytest.approx(9 / 28)
    assert columns["top_2gram_chars"][0] > 0
    assert columns["duplicate_5gram_chars"].tolist() == [0, 0]
    assert set(columns) >= {f"top_{n}gram_chars" for n in (2, 3, 4)}


# The first article of the Universal Declaration of Human Rights.
ARTICLE = {
    "Latn": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience.",
    "Hans": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "Jpan": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられている。",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม",
}


def of(texts, script):
    measured = measure(pa.array(texts))
    letters = letters_as_words(measured.text, [script] * len(texts), np.diff(measured.places))
    return repetition(measured, letters.per_word)


def test_a_phrase_is_as_long_in_scripts_without_spaces():
    """Half a sentence that comes again is a repeated phrase in all scripts; the name of what a text is about, in none."""
    names = {"Latn": "human rights", "Hans": "人权", "Jpan": "人権", "Thai": "สิทธิ"}
    for script, text in ARTICLE.items():
        whole = f"{text} {text}"
        columns = of([text, whole], script)
        assert columns["duplicate_5gram_chars"][0] == 0, script
        assert columns["duplicate_5gram_chars"][1] > 0.3, script
        named = " ".join(f"{text[n : n + 6]} {names[script]}" for n in range(0, len(text), 6))
        columns = of([named], script)
        assert columns["top_4gram_chars"][0] < 0.2, script
