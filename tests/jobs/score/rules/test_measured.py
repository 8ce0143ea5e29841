from __future__ import annotations

import pyarrow as pa

from jobs.score.rules.measured import measure, mentions


def test_a_batch_is_measured_once_for_all_rules():
    measured = measure(pa.array(["one two", "", None]))
    assert measured.counts.shape[0] == 3
    assert measured.places.tolist() == [0, 2, 2, 2]
    assert measured.lengths.tolist() == [3, 3]


def test_mentions_count_matches_anywhere_or_in_the_first_lines():
    text = pa.array(["x\nx\nx", None, "y x"])
    assert mentions(text, "x").tolist() == [3, 0, 1]
    assert mentions(text, "x", head_lines=2).tolist() == [2, 0, 1]
