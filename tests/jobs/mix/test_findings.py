from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from jobs.mix.findings import finding, judged_value, threshold


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"min": 80}, "at least 80"),
        ({"max": 0.3}, "at most 0.3"),
        ({"min": 3, "max": 10}, "3 to 10"),
        ({"is": False}, "false"),
        ({"in": ["a", "b"]}, "one of a, b"),
        ({"in": "a"}, "one of a"),
        ({"not_in": ["NONE", ""]}, "none of NONE, ''"),
        ({"min": 1, "not_in": [7]}, "at least 1 and none of 7"),
    ],
)
def test_a_threshold_is_told_in_words(body, words):
    assert threshold(body) == words


def test_a_finding_has_the_value_as_a_number_or_as_a_text():
    numbers = finding("it's short", "duckdb", "n", judged_value("n", pa.int32()), "at least 2")
    texts = finding("odd", "duckdb", "t", judged_value("t", pa.bool_()), "false")
    plain = finding("duplicate", "duckdb")
    ((found,),) = duckdb.sql(
        f"SELECT [{numbers}, {texts}, {plain}] FROM (SELECT 1::INTEGER AS n, true AS t)"
    ).fetchall()
    assert found == [
        {"rule": "it's short", "column": "n", "value": 1.0, "text": None, "threshold": "at least 2"},
        {"rule": "odd", "column": "t", "value": None, "text": "true", "threshold": "false"},
        {"rule": "duplicate", "column": None, "value": None, "text": None, "threshold": None},
    ]
