from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.delta.parquet_footer import read_footers
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import LakeError
from lakehouse.release.seal import seal, seal_of
from tests.lakehouse.lakes import lake_at, write


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "a lake")
    for number in (1, 2):
        write(made, "gold.c", pa.table({"n": [number]}))
    return made


def test_the_seal_of_a_version_stays_and_covers_names_and_footers(lake):
    table = lake.catalog.open("gold.c")
    assert seal("gold.c", table) == seal("gold.c", lake.catalog.open("gold.c", 1))
    assert seal("gold.c", table) != seal("gold.c", lake.catalog.open("gold.c", 0))
    names = ["a.parquet", "b.parquet"]
    paths = [Path(uri).name for uri in table.file_uris()]
    footers = read_footers(table_store(table), paths)
    assert seal_of(names, footers) != seal_of(names[::-1], footers)
    assert seal_of(names, footers) != seal_of(names, footers[::-1])


def test_names_that_a_log_encodes_are_found(tmp_path):
    lake = lake_at(tmp_path / "lake")
    rows = pa.table({"n": [1, 2], "part": ["a b", "ü%/x"]})
    write_deltalake(lake.catalog.table_uri("gold.p"), rows, partition_by=["part"])
    assert len(seal("gold.p", lake.catalog.open("gold.p"))) == 64


def test_a_file_that_is_missing_or_no_parquet_is_named(lake):
    table = lake.catalog.open("gold.c")
    path = next(Path(lake.catalog.table_uri("gold.c")).glob("*.parquet"))
    path.write_bytes(b"half a file")
    with pytest.raises(LakeError, match=rf"{path.name} of gold\.c cannot be read"):
        seal("gold.c", table)
    path.unlink()
    with pytest.raises(LakeError, match=rf"{path.name} of gold\.c is missing"):
        seal("gold.c", table)
