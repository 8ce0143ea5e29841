from __future__ import annotations

import logging

import pytest

from lakehouse.query.sql_guard import is_show, table_names, without_comments


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES",
        "SHOW TABLES -- c",
        "SHOW TABLES;\n-- c",
        "/* c */ SHOW TABLES",
        "-- a\n/* b */ show tables",
        "/* a /* b */ c */ SHOW /* d */ ALL\nTABLES ; -- e",
        "-- a quote's\rSHOW TABLES /* isn't closed",
    ],
)
def test_show_tables_may_have_comments(sql):
    assert is_show(sql)


@pytest.mark.parametrize("sql", ["-- SHOW TABLES", "/* SHOW TABLES */", "SHOW TABLES FROM x", "SELECT 'SHOW TABLES'"])
def test_what_is_no_show_tables_is_none(sql):
    assert not is_show(sql)


@pytest.mark.parametrize(
    "sql",
    ["SELECT '--', '/* it''s */'", 'SELECT "--" FROM t', "SELECT e'\\'--'", "SELECT $$ -- $$", "SELECT $a$ /* $a$"],
)
def test_quoted_marks_are_no_comments(sql):
    assert without_comments(f"{sql} -- c") == sql


@pytest.mark.parametrize("sql", ["/* c */ EXPLAIN FROM a.b", "EXPLAIN /* c */ ANALYZE -- d\n FROM a.b", "CALL x(1)"])
def test_no_warning_of_the_parser_is_leaked(caplog, sql):
    with caplog.at_level(logging.DEBUG):
        assert table_names(sql) in ({"a.b"}, None)
    assert not caplog.records
