from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.score.rules.measured import measure
from jobs.score.rules.repetition import repetition


def test_repeated_lines_and_phrases_are_rated():
    columns = repetition(measure(pa.array(["same line\nsame line\nother text", "all of these words differ"])))
    assert columns["duplicate_lines"].tolist() == pytest.approx([1 / 3, 0])
    assert columns["duplicate_line_chars"][0] == pytest.approx(9 / 28)
    assert columns["top_2gram_chars"][0] > 0
    assert columns["duplicate_5gram_chars"].tolist() == [0, 0]
    assert set(columns) >= {f"top_{n}gram_chars" for n in (2, 3, 4)}
