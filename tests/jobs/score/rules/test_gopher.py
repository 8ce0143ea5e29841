from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.score.rules.gopher import quality
from jobs.score.rules.measured import measure


def test_words_symbols_and_lines_are_rated():
    columns = quality(measure(pa.array(["the cat of 42 #", "- one\n- two\nand more..."])))
    assert columns["mean_word_length"][0] == pytest.approx(11 / 5)
    assert columns["symbol_word_ratio"][0] == pytest.approx(1 / 5)
    assert columns["alphabetic_words"][0] == pytest.approx(3 / 5)
    assert columns["stop_words"].tolist() == [2, 1]
    assert columns["bullet_lines"].tolist() == pytest.approx([0, 2 / 3])
    assert columns["ellipsis_lines"].tolist() == pytest.approx([0, 1 / 3])
