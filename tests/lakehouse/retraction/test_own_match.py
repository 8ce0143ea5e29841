from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from lakehouse.retraction.own_match import by_license, by_source, by_uri, uri_expression
from tests.lakehouse.own_matches import CASES, COLUMNS, ROWS


def matched(condition, values):
    rows = pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in ROWS], pa.schema(COLUMNS.items()))
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        found = connection.execute(f"SELECT sample_id FROM rows WHERE {condition}", [values]).fetchall()
    return {name for (name,) in found}


@pytest.mark.parametrize(("kind", "value", "expected"), CASES)
def test_rows_are_matched_by_their_own_source_address_or_licence(kind, value, expected):
    if kind == "uri":
        assert matched(by_uri("$1"), uri_expression([value])) == expected
    else:
        condition = {"source": by_source, "license": by_license}[kind]
        assert matched(condition("[$1]"), value) == expected
        assert matched(condition("$1::VARCHAR[]"), ["unknown", value]) == expected


def test_several_patterns_are_one_expression_and_none_matches_nothing():
    assert matched(by_uri("$1"), uri_expression(["u:/one", "u:/[t]*"])) == {"a", "e"}
    assert uri_expression([]) is None
    assert matched(by_uri("$1::VARCHAR"), None) == set()
    assert matched(by_source("$1::VARCHAR[]"), []) == set()
