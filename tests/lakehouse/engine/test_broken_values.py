from __future__ import annotations

import json

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.engine.broken_values import broken_values, check_columns, describe_check, rules_of, shown

TABLE = Table(
    "acme.pages",
    doc="A page.",
    columns=[Column(name, pa.string(), "It.") for name in ("text", "Language")],
    checks=[
        Check("text is long; or short", "length(text) > 3 OR length(text) = 1"),
        Check("language is short", "length(LANGUAGE) < 4 AND text IS NOT NULL"),
        Check("text is", "text > ''"),
    ],
)


def test_the_values_of_all_broken_checks_are_named_once():
    row = json.dumps({"text": "ab", "Language": "english"})
    reason = "text is long; or short; language is short"
    assert broken_values(TABLE, reason, row) == "text 'ab', LANGUAGE 'english'"
    assert describe_check(TABLE, reason) == (
        "length(text) > 3 OR length(text) = 1 and length(LANGUAGE) < 4 AND text IS NOT NULL"
    )


def test_a_reason_of_a_function_names_no_value():
    assert broken_values(TABLE, "no caption: text is", '{"text": "a"}') == ""
    assert describe_check(TABLE, "no caption") == ""


def test_a_row_that_lacks_the_column_or_is_none():
    assert broken_values(TABLE, "text is", "{}") == ""
    assert broken_values(TABLE, "text is", None) == ""


def test_long_values_are_cut():
    assert shown("é" * 500) == "'" + "é" * 58 + "… (502 characters)"
    assert shown({"a": [1, None]}) == '{"a": [1, null]}'


def test_columns_of_a_condition_in_their_order():
    assert check_columns("size(a.b) > 1 AND c IN (1, 2) OR a IS NULL") == ("a", "c")
    assert check_columns("this is ( not SQL") == ()


def test_names_that_contain_the_joint_are_found_whole():
    names = ["a", "a; b", "c"]
    assert rules_of("a; b; c", names) == ["a; b", "c"]
    assert rules_of("a; d", names) == []
