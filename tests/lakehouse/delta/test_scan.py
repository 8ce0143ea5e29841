from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.delta.scan import Rows, scan
from lakehouse.errors import LakeError


@pytest.fixture
def table(tmp_path):
    write_deltalake(str(tmp_path), pa.table({"n": [1, 2, 3]}))
    return DeltaTable(str(tmp_path))


class Demanding:
    """A table that asks for reader features."""

    def __init__(self, table, *features):
        self._table, self._features = table, features

    def protocol(self):
        return type("Protocol", (), {"min_reader_version": 3, "reader_features": list(self._features)})()

    def __getattr__(self, name):
        return getattr(self._table, name)


def test_a_plain_table_is_a_dataset(table):
    found = scan(table, "gold.c")
    assert isinstance(found, pads.FileSystemDataset)
    assert found.to_table(filter=pads.field("n") > 1)["n"].to_pylist() == [2, 3]


def test_a_feature_that_is_not_in_use_does_not_matter(table):
    assert isinstance(scan(Demanding(table, "timestampNtz"), "gold.c"), pads.FileSystemDataset)


def test_rows_are_streamed_anew_for_each_scan(table):
    rows = Rows(table, "gold.c")  # noqa: F841 - DuckDB finds it by its name
    for _ in range(2):
        assert sorted(duckdb.sql("SELECT n FROM rows").fetchall()) == [(1,), (2,), (3,)]
    assert isinstance(scan(Demanding(table, "deletionVectors"), "gold.c"), Rows)


def test_an_unknown_feature_is_refused(table):
    with pytest.raises(LakeError, match=r"gold\.c cannot be read correctly: it uses the Delta feature colouredRows"):
        scan(Demanding(table, "colouredRows"), "gold.c")
