from __future__ import annotations

import logging

import duckdb
import pytest

from lakehouse.errors import QueryError
from lakehouse.query.sql_guard import is_show, require_read_only, table_names, without_comments


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


def explains(sql):
    """Return a statement, and it explained in each way that the engine has."""
    ways = ("", "EXPLAIN ", "EXPLAIN ANALYZE ", "explain /* c */ analyse\n", "EXPLAIN (ANALYZE, FORMAT json) ")
    return [
        f"{way}{sql}" for way in (*ways, "EXPLAIN (FORMAT json) ", "EXPLAIN ANALYZE (FORMAT json) ", "-- c\nEXPLAIN ")
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE x AS SELECT 1",
        "INSERT INTO t VALUES (1)",
        "WITH q AS (SELECT 1) INSERT INTO t FROM q",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "COPY (SELECT 1) TO 'x.csv'",
        "SET threads = 1",
        "CALL enable_logging()",
        "DROP TABLE t",
        "WITH x AS (INSERT INTO t VALUES (1) RETURNING *) FROM x",
        "WITH x AS (WITH y AS (SELECT 1) insert or replace INTO t FROM y RETURNING *) FROM x",
        "WITH x AS (DELETE FROM t RETURNING *) FROM x",
        "WITH x AS (UPDATE t SET a = 2 RETURNING *) FROM x",
        "(WITH x AS (UPDATE t AS u SET a = 2 RETURNING *) FROM x)",
    ],
)
def test_what_writes_is_refused_explained_or_not(sql):
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE t (a INTEGER)")
        for text in explains(sql):
            with pytest.raises(QueryError):
                require_read_only(engine, text)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "FROM t",
        "WITH x AS (SELECT 'INSERT INTO t' AS s, 1 AS \"update\") FROM x -- DELETE FROM t",
        "SELECT update, delete FROM (SELECT 1 AS update, 2 AS delete)",
        "PIVOT t ON a",
        "VALUES (1)",
        "SUMMARIZE t",
        "DESCRIBE t",
    ],
)
def test_what_reads_is_let_through_explained_or_not(sql):
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE t (a INTEGER)")
        for text in explains(sql):
            require_read_only(engine, text)


def test_the_tables_of_an_explained_statement_are_found():
    for text in explains("SELECT * FROM a.b"):
        assert table_names(text) == {"a.b"}
