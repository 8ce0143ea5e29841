from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.score.rules.fineweb import fineweb
from jobs.score.rules.measured import measure


def test_fractions_of_lines():
    long = "a line that has more than thirty characters, and a full stop."
    columns = fineweb(measure(pa.array([f"{long}\nshort\n{long}\nshort"])))
    assert columns["punctuated_lines"][0] == pytest.approx(0.5)
    assert columns["short_lines"][0] == pytest.approx(0.5)
    assert columns["newline_word_ratio"][0] == pytest.approx(3 / 26)
