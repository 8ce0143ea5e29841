from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.sql_flow import line_of, sql_flow
from lakehouse.errors import FlowError

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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT 1 AS n", "reads no table"),
        ("DELETE FROM silver.a", "not one SELECT"),
        ("SELECT 1; SELECT 2", "not one SELECT"),
        ("SELECT n FROM\n(silver.a", r"sql:2:9: the SQL does not parse"),
        ("", "not one SELECT"),
        ("ELSE > 1", r"the SQL does not parse: an expression is missing|is not one SELECT"),
        ("SELECT n,\n 'x\nFROM silver.a", r"sql:3: the SQL does not parse: a quote or comment is not closed"),
        ("SELECT n\nFROM silver.a, nowhere", r"sql:2 reads nowhere, which is not a table"),
        ("SELECT n\n\nFROM silver.a TABLESAMPLE (1 ROWS)", r"sql:3 reads a sample"),
    ],
)
def test_other_files_are_refused_with_their_name(tmp_path, text, says):
    with pytest.raises(FlowError, match=says) as raised:
        made(tmp_path, text)
    assert "gold.counts.sql" in raised.value.message


def test_a_file_must_be_named_after_a_declared_table(tmp_path):
    with pytest.raises(FlowError, match="no contract declares"):
        made(tmp_path, "SELECT n FROM silver.a", name="gold.other")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT n FROM silver.a VERSION AS OF 3", "as of a version"),
        ("SELECT n FROM silver.a TIMESTAMP AS OF '2026-01-01'", "as of a version"),
        ("SELECT n FROM silver.a@v3", "as of a version"),
        ("SELECT n FROM silver.a TABLESAMPLE (10 PERCENT)", "TABLESAMPLE"),
        ("SELECT n FROM (SELECT n FROM silver.a) TABLESAMPLE (5 ROWS)", "TABLESAMPLE"),
        ("SELECT n FROM lake.silver.a", "reads lake.silver.a, which is not a table"),
        ("SELECT n FROM silver.a JOIN other AS o USING (n)", "reads other, which is not a table"),
        ("SELECT n FROM IDENTIFIER('silver.a'), silver.a", "which is not a table"),
        ("WITH t AS (SELECT n FROM t) SELECT n FROM t JOIN silver.a USING (n)", "reads t, which is not a table"),
        (
            "SELECT n FROM (WITH t AS (SELECT n FROM silver.a) SELECT n FROM t) JOIN t USING (n)",
            "reads t, which is not a table",
        ),
    ],
)
def test_what_no_run_could_repeat_or_record_is_refused(tmp_path, text, says):
    with pytest.raises(FlowError, match=says) as raised:
        made(tmp_path, text)
    assert "gold.counts.sql" in raised.value.message


@pytest.mark.parametrize(
    "text",
    [
        "WITH t AS (SELECT n FROM silver.a), u AS (SELECT n FROM T) SELECT n FROM u WHERE n IN (SELECT n FROM t)",
        "WITH t AS (SELECT n FROM silver.a) SELECT n FROM t UNION ALL SELECT n FROM t",
        "SELECT n FROM silver.a, explode(a.items) AS e(item), range(3) AS r",
    ],
)
def test_names_of_a_with_and_table_functions_are_no_tables(tmp_path, text):
    assert {item.table for item in made(tmp_path, text).reads.values()} == {"silver.a"}


def test_tables_of_a_hint_are_not_read(tmp_path):
    spec = made(tmp_path, "SELECT /*+ BROADCAST(b), MERGE(silver.c) */ n FROM silver.a JOIN bronze.b USING (n)")
    assert {item.table for item in spec.reads.values()} == {"silver.a", "bronze.b"}


def test_inputs_of_what_is_not_parsed_are_declared_beside_it(tmp_path):
    text = "-- Shifts.\n-- reads: silver.a, bronze.b\nSELECT n >>> 1 AS n FROM silver.a\nJOIN bronze.b USING (n)"
    spec = made(tmp_path, text)
    assert {item.table for item in spec.reads.values()} == {"silver.a", "bronze.b"}
    assert spec.doc == "Shifts."
    assert (line_of(text, "silver.a"), line_of(text, "bronze.b")) == (3, 4)
    with pytest.raises(FlowError, match="does not parse"):
        made(tmp_path, text.replace("-- reads", "-- reading"))
