from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.delta.change_feed import feed_files, has_feed
from lakehouse.delta.store.table_folder import table_folder


@pytest.fixture
def uri(tmp_path):
    """Versions: 1 appends, 2 deletes a row, 3 compacts."""
    DeltaTable.create(
        str(tmp_path), schema=pa.schema([("n", pa.int64())]), configuration={"delta.enableChangeDataFeed": "true"}
    )
    write_deltalake(str(tmp_path), pa.table({"n": [1, 2]}), mode="append")
    DeltaTable(str(tmp_path)).delete("n = 1")
    return str(tmp_path)


def test_change_files_stand_for_a_commit_that_has_them(uri):
    store = table_folder(uri)
    assert all(path.startswith("_change_data/") for path in feed_files(store, 2, 2).to_pylist())
    (added,) = feed_files(store, 1, 1).to_pylist()
    assert not added.startswith("_change_data/")
    assert len(feed_files(store, 1, 2)) == 2


def test_rows_that_only_moved_need_no_file(uri):
    write_deltalake(uri, pa.table({"n": [3]}), mode="append")
    DeltaTable(uri).optimize.compact()
    assert feed_files(table_folder(uri), 4, 4).to_pylist() == []


def test_a_feed_is_complete_only_with_its_files_and_logs(uri):
    store = table_folder(uri)
    assert has_feed(store, 1, 2)
    for path in Path(uri, "_change_data").iterdir():
        path.unlink()
    assert not has_feed(store, 1, 2)
    assert has_feed(store, 1, 1) or not any(Path(uri).glob("*.parquet"))
    assert not has_feed(store, 3, 3)
