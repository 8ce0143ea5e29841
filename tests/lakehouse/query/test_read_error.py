from __future__ import annotations

import duckdb
import pytest

from lakehouse.errors import LakeError, QueryError
from lakehouse.query.connection import connect
from lakehouse.query.read_error import read_error
from tests.lakehouse.delta.test_damaged_file import NAME, damage, lake

__all__ = ["lake"]


@pytest.mark.parametrize("how", ["bytes", "half", "gone"])
@pytest.mark.parametrize(
    "sql", ["SELECT max(text), sum(n) FROM bronze.a", "FROM bronze.a", "FROM bronze.a ORDER BY text"]
)
def test_damaged_files_are_not_taken_for_wrong_sql(lake, how, sql):
    name = damage(lake, how)
    with connect(lake.project) as connection, pytest.raises(LakeError, match=name) as error:
        connection.table(sql)
    assert "correct the SQL" not in str(error.value)
    assert error.value.exit_code == 1


def test_wrong_sql_stays_so(lake):
    with connect(lake.project) as connection, pytest.raises(QueryError, match="boom"):
        connection.table("SELECT error('boom') FROM bronze.a")


def test_a_store_that_fails_is_named_though_no_file_is_damaged(lake):
    error = duckdb.InvalidInputException(
        "Invalid Input Error: reading the stream registered as '__bronze.a' failed: IOError: connection reset."
    )
    found = read_error(error, [(NAME, lake.catalog.open(NAME))])
    assert isinstance(found, LakeError)
    assert found.message == "bronze.a cannot be read: IOError: connection reset"
    assert read_error(duckdb.InvalidInputException("other"), [(NAME, lake.catalog.open(NAME))]) is None
