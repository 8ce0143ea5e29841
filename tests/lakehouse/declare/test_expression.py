from __future__ import annotations

import logging
import re

import pytest

from lakehouse.declare.expression import find_expression_error

WORDS = re.findall(
    r"\w+",
    "comment begin values update set show load desc describe if copy cache analyze refresh use commit truncate merge"
    " explain delete insert drop from",
)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("rest", ["= 'a'", "is not null", "> 1 AND n IN (1, 2)", "NOT LIKE '%x'"])
def test_a_column_may_be_called_as_a_statement_begins(caplog, word, rest):
    with caplog.at_level(logging.DEBUG):
        assert find_expression_error(f"{word} {rest}", [word, "n"]) is None
    assert not caplog.records


@pytest.mark.parametrize("word", ["values", "if", "insert", "drop"])
def test_such_a_column_may_stand_anywhere(word):
    assert find_expression_error(f"n > 1 AND {word} = 'a'", [word, "n"]) is None
    assert find_expression_error(f"n > {word}", [word, "n"]) is None


@pytest.mark.parametrize("statement", ["DROP TABLE n", "INSERT INTO n VALUES (1)", "UPDATE n SET n = 1", "IF n THEN"])
def test_a_statement_is_no_expression(caplog, statement):
    with caplog.at_level(logging.DEBUG):
        assert find_expression_error(statement, ["n"])[0].startswith("does not parse")
    assert not caplog.records


@pytest.mark.parametrize(
    "sql",
    [
        "user = 'a'",
        "current_user = 'a'",
        "session_user = 'a'",
        "n > current_date",
        "n > CURRENT_TIME",
        "n > current_timestamp",
        "n > localtimestamp",
        "current_catalog = 'a'",
        "current_database = 'a'",
        "current_schema = 'a'",
    ],
)
def test_functions_that_need_no_brackets_are_no_columns(sql):
    assert find_expression_error(sql, ["n"]) is None


def test_a_quoted_name_and_what_is_hidden_are_columns():
    assert find_expression_error("`user` = 'a'", ["n"])[0] == "names 'user', which is not a column there"
    assert find_expression_error("_metadata.file_path = 'a'", ["n"], ["_metadata"]) is None
    assert find_expression_error("m = 1", ["nnnn"], ["_metadata"])[1] == "it may use nnnn"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (None, "is not a text"),
        (5, "is not a text"),
        ("", "is empty"),
        (" -- n > 1", "is empty"),
        ("else > 1", "does not parse at 1:1: an expression is missing at 'else'"),
        ("\n  else > 1", "does not parse at 2:3: an expression is missing at 'else'"),
        ("n >", "does not parse at 1:3: an expression is missing at '>'"),
        ("n = 1 AND\n n > AND n", "does not parse at 2:6: an expression is missing at 'AND'"),
        ("n) OR (n", "does not parse at 1:2: Invalid expression / Unexpected token at ')'"),
        ("n = 1\n AND 'x", "does not parse at 2: a quote or comment is not closed"),
        ("n; n", "does not parse: it is not a single expression"),
    ],
)
def test_what_is_wrong_is_told_where_it_is(sql, message):
    assert find_expression_error(sql, ["n"])[0] == message
