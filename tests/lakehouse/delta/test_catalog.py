from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.delta.catalog import FORMAT_PROPERTY, Catalog
from lakehouse.errors import ConfigError, LakeError, MachineError, TableNotFoundError
from tests.lakehouse.lakes import lake_at, note, write


@pytest.fixture
def catalog(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "gold.c", pa.table({"n": [1]}), note("gold.c"))
    write(lake, "gold.c", pa.table({"n": [2]}), note("gold.c", "run-2"))
    write(lake, "bronze.a", pa.table({"n": [1]}))
    (tmp_path / "lake" / "_logs" / "x").mkdir(parents=True)
    (tmp_path / "lake" / "gold" / "no_table").mkdir()
    return lake.catalog


def test_tables_are_found_by_their_logs(catalog):
    assert catalog.names() == ["bronze.a", "gold.c"]
    assert (catalog.has("gold.c"), catalog.has("gold.no_table")) == (True, False)
    assert Catalog(catalog.uri + "/nothing").names() == []


@pytest.mark.parametrize("name", ["c", "gold.", ".c", "gold/c.d", ""])
def test_a_name_has_a_layer(catalog, name):
    with pytest.raises(TableNotFoundError, match=r"layer\.table"):
        catalog.table_uri(name)


@pytest.mark.parametrize("folder", ["a[b", "a]b", "a\\b", "a%20b"])
def test_a_folder_that_delta_cannot_open_is_refused(tmp_path, folder):
    with pytest.raises(ConfigError, match="Delta's readers cannot open"):
        Catalog(str(tmp_path / folder))


def test_a_lake_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(ConfigError, match=r"the lake .*/file is a file"):
        Catalog(str(tmp_path / "file"))


def test_a_table_is_opened_at_its_versions(catalog):
    assert [catalog.open("gold.c", version).to_pyarrow_table().num_rows for version in (0, 1, None)] == [1, 2, 2]
    with pytest.raises(TableNotFoundError, match=r"gold\.c has no version 7 — its latest is 1"):
        catalog.open("gold.c", 7)
    with pytest.raises(TableNotFoundError, match=r"gold\.none does not exist"):
        catalog.open("gold.none")


def test_the_log_is_that_of_the_opened_table(catalog):
    log, table = catalog.log("gold.c"), catalog.open("gold.c")
    assert (log.version, log.identity) == (table.version(), str(table.metadata().id))
    assert dict(log.types) == {"n": "long"}
    with pytest.raises(TableNotFoundError):
        catalog.log("gold.none")


@pytest.mark.parametrize("how", ["open", "log"])
def test_a_newer_format_and_a_damaged_log_are_one_line(catalog, how):
    table = catalog.open("bronze.a")
    table.alter.set_table_properties({FORMAT_PROPERTY: "2"}, raise_if_not_exists=False)
    with pytest.raises(LakeError, match=r"bronze\.a has lake format 2"):
        getattr(catalog, how)("bronze.a")
    Path(catalog.table_uri("gold.c"), "_delta_log", f"{1:020d}.json").write_text('{"commitInfo')
    with pytest.raises(LakeError, match=r"gold\.c has a damaged log: .*0001\.json"):
        getattr(catalog, how)("gold.c")


def test_a_folder_that_python_names_otherwise_is_not_called_damaged(tmp_path, monkeypatch):
    assert Catalog(str(tmp_path / "läke")).names() == []
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "ascii")
    with pytest.raises(MachineError, match=r"not ASCII.*as ascii") as raised:
        Catalog(str(tmp_path / "läke"))
    assert "PYTHONUTF8=1" in raised.value.hint
    assert Catalog(str(tmp_path / "lake")).names() == []


def test_a_store_without_a_bucket_is_refused():
    with pytest.raises(ConfigError, match="needs a bucket"):
        Catalog("s3://")
