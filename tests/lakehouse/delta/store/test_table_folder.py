from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.delta.store.table_folder import LOG, commit_file, table_folder, table_store
from tests.lakehouse.lakes import lake_at, write


def test_a_commit_lies_under_its_version():
    assert commit_file(12) == f"{LOG}/00000000000000000012.json"


@pytest.mark.parametrize("name", ["lake", "a lake", "ü lake"])
def test_a_store_is_rooted_at_the_tables_folder_however_it_is_named(tmp_path, name):
    lake = lake_at(tmp_path / name)
    write(lake, "gold.c", pa.table({"n": [1]}))
    uri = lake.catalog.table_uri("gold.c")
    for store in (table_store(lake.catalog.open("gold.c")), table_folder(uri), table_folder(f"file://{uri}")):
        assert store.get_file_info(commit_file(0)).is_file
