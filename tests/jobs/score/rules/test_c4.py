from __future__ import annotations

import pyarrow as pa

from jobs.score.rules.c4 import c4
from jobs.score.rules.measured import measure


def test_marks_of_boilerplate_are_counted():
    texts = ["Enable JavaScript. See our Privacy Policy and Terms of Use.", "Lorem  ipsum { }", "Lorem ipsum dolor."]
    columns = c4(measure(pa.array(texts)))
    assert columns["javascript_mentions"].tolist() == [1, 0, 0]
    assert columns["policy_mentions"].tolist() == [2, 0, 0]
    assert columns["curly_brackets"].tolist() == [False, True, False]
    assert columns["lorem_ipsum"].tolist() == [False, False, True]
    assert columns["n_sentences"].tolist() == [2, 0, 1]


def test_a_long_page_that_shows_placeholder_text_once_is_none():
    page = "A method that wraps text. " * 400
    columns = c4(measure(pa.array([f"{page} lorem ipsum dolor", "lorem ipsum dolor sit amet. " * 200])))
    assert columns["lorem_ipsum"].tolist() == [False, True]
