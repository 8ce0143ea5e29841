from __future__ import annotations

import duckdb
import pytest

from jobs.dialect import identifier, literal

VALUES = ["a'; DROP\\", "", "漢字 \\n", "''", 3, -4, 0.1, 1e300, True, False]


@pytest.mark.parametrize("value", VALUES)
def test_a_literal_is_its_value_in_duckdb(value):
    ((found,),) = duckdb.sql(f"SELECT {literal(value, 'duckdb')}").fetchall()
    assert found == value
    assert type(found) is type(value)


def test_a_literal_is_its_value_in_spark(spark):
    row = spark.sql("SELECT " + ", ".join(literal(value, "spark") for value in VALUES)).first()
    assert list(row) == VALUES


def test_names_are_quoted():
    assert identifier("table", "spark") == "`table`"
    assert identifier("table", "duckdb") == '"table"'
