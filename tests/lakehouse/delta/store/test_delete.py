from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.delta.store.delete import delete_files
from lakehouse.errors import LakeError
from tests.lakehouse.lakes import lake_at, write


@pytest.fixture
def table(tmp_path):
    lake = lake_at(tmp_path / "a lake")
    write(lake, "gold.c", pa.table({"n": [1]}))
    return lake.catalog.open("gold.c")


def folder(table):
    return Path(table.table_uri.removeprefix("file://").replace("%20", " "))


def test_files_go_with_their_checksums_and_missing_ones_are_ignored(table):
    (folder(table) / "_change_data").mkdir()
    names = ("a.parquet", ".a.parquet.crc", "b.parquet", "_change_data/c.parquet", "_change_data/.c.parquet.crc")
    for name in names:
        (folder(table) / name).write_bytes(b"x")
    delete_files(table, ["a.parquet", "_change_data/c.parquet", "gone.parquet"])
    assert [name for name in names if (folder(table) / name).exists()] == ["b.parquet"]
    assert table.to_pyarrow_table().num_rows == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may delete any file")
def test_a_file_that_may_not_be_deleted_is_one_line(table):
    (folder(table) / "a.parquet").write_bytes(b"x")
    folder(table).chmod(0o500)
    try:
        with pytest.raises(LakeError, match="cannot be deleted"):
            delete_files(table, ["a.parquet"])
    finally:
        folder(table).chmod(0o700)
