from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.score.rules.measured import measure
from jobs.score.rules.numbers import numbers


def test_characters_in_lines_of_digits_and_hashes_are_fractions_of_the_text():
    columns = numbers(measure(pa.array(["1 2 3 4 5 6\nwords!", "d41d8cd98f00b204e9800998ecf8427e\n" + "w" * 96, ""])))
    assert columns["digit_line_chars"].tolist() == pytest.approx([0.5, 0, 0])
    assert columns["hash_line_chars"].tolist() == pytest.approx([0, 0.25, 0])
