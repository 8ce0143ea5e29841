from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.contract import Column, Table
from lakehouse.errors import FlowError
from lakehouse.sqlflow import normalised, sql_flow, with_views

COUNTS = Table("gold.counts", doc="Counts.", columns=[Column("n", pa.int64(), "n")])
TABLES = {"gold.counts": COUNTS}


def made(tmp_path, text, name="gold.counts"):
    path = tmp_path / f"{name}.sql"
    path.write_text(text)
    return sql_flow(path, TABLES)


def test_reads_are_the_tables_that_the_query_names_and_not_its_own(tmp_path):
    spec = made(
        tmp_path,
        "-- Counts things.\nWITH t AS (SELECT * FROM silver.a) SELECT count(*) AS n FROM t JOIN bronze.b USING (id) "
        "WHERE x IN (SELECT x FROM silver.c)",
    )
    assert {item.table for item in spec.reads.values()} == {"silver.a", "bronze.b", "silver.c"}
    assert (spec.writes, spec.kind, spec.doc) == (COUNTS, "sql", "Counts things.")


def test_tables_become_views_and_keep_their_alias():
    text = with_views("SELECT a.x, b.y FROM silver.a JOIN bronze.b AS b ON a.x = b.x", "here")
    assert "silver__a AS a" in text
    assert "bronze__b AS b" in text


def test_comments_and_layout_do_not_count():
    assert normalised("SELECT  1 -- one\n AS n", "x") == normalised("SELECT 1 AS n", "x")
    assert normalised("SELECT 1 AS n", "x") != normalised("SELECT 2 AS n", "x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT 1 AS n", "reads no table"),
        ("DELETE FROM silver.a", "not one SELECT"),
        ("SELECT 1; SELECT 2", "not one SELECT"),
        ("SELECT n FROM\n(silver.a", "line"),
        ("", "not one SELECT"),
    ],
)
def test_other_files_are_refused_with_their_name(tmp_path, text, says):
    with pytest.raises(FlowError, match=says) as raised:
        made(tmp_path, text)
    assert "gold.counts.sql" in raised.value.message


def test_a_file_must_be_named_after_a_declared_table(tmp_path):
    with pytest.raises(FlowError, match="no contract declares"):
        made(tmp_path, "SELECT n FROM silver.a", name="gold.other")
