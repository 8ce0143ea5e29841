from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.delta.store import listing as module
from lakehouse.delta.store.listing import listing, missing, sizes
from lakehouse.delta.store.table_folder import table_store
from tests.lakehouse.lakes import lake_at, write


@pytest.fixture
def table(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "gold.c", pa.table({"n": [1]}))
    folder = Path(lake.catalog.table_uri("gold.c"))
    for name in ("_change_data/c.parquet", "p=1/d.parquet", "_hidden/e.parquet", ".f.parquet", "p=1/.g.crc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"four")
    return lake.catalog.open("gold.c")


def test_data_and_change_files_are_listed_and_hidden_ones_are_not(table):
    found = listing(table_store(table))
    (own,) = (Path(uri).name for uri in table.file_uris())
    assert set(found["path"].to_pylist()) == {own, "_change_data/c.parquet", "p=1/d.parquet"}
    by_path = dict(zip(found["path"].to_pylist(), found["size"].to_pylist(), strict=True))
    assert by_path["p=1/d.parquet"] == 4
    assert min(found["modified"].to_pylist()) > 1_600_000_000 * 10**9


@pytest.mark.parametrize("many", [0, 100])
def test_sizes_are_the_same_by_listing_and_one_by_one(table, monkeypatch, many):
    monkeypatch.setattr(module, "_MANY", many)
    paths = pa.chunked_array([["p=1/d.parquet", "gone.parquet", "_change_data/c.parquet"]])
    assert sizes(table_store(table), paths) == [4, None, 4]
    assert missing(table_store(table), paths) == ["gone.parquet"]
