from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import create
from lakehouse.delta.catalog import Catalog
from lakehouse.errors import ConfigError, LakeError, TableNotFoundError
from lakehouse.lake import Lake
from tests.lakehouse.lakes import lake_at, trained

THINGS = Table("silver.things", doc="A thing.", columns=[Column("n", pa.int64(), "n")])


@pytest.fixture
def lake(tmp_path):
    create(Catalog(str(tmp_path / "lake")), THINGS)
    return Lake(str(tmp_path / "lake"))


def test_names_are_those_of_tables_that_exist(lake, tmp_path):
    (tmp_path / "lake" / "_logs").mkdir()
    (tmp_path / "lake" / "silver" / "no_table").mkdir()
    assert lake.catalog.names() == ["silver.things"]
    assert lake.catalog.has("silver.things")
    assert not lake.catalog.has("silver.others")


def test_an_empty_place_is_an_empty_lake(tmp_path):
    assert Lake(str(tmp_path / "nothing")).catalog.names() == []


@pytest.mark.parametrize("name", ["lake [1]", "lake]", "a%20b", "a\\b"])
def test_a_place_that_readers_would_not_find_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    with pytest.raises(ConfigError, match="choose another folder"):
        Lake()
    # Another lake may be named there.
    assert Lake(str(tmp_path / "lake")).catalog.names() == []


def test_a_place_may_have_other_signs(tmp_path):
    place = str(tmp_path / "a b{c}*?#%'é")
    create(Catalog(place), THINGS)
    assert Lake(place).catalog.names() == ["silver.things"]
    assert Lake(place).catalog.open("silver.things").version() == 0


def test_creating_twice_changes_nothing(lake):
    create(lake.catalog, THINGS)
    assert lake.catalog.open("silver.things").version() == 0


def test_tables_keep_their_versions_for_good_and_old_readers_can_read_them(lake):
    table = lake.catalog.open("silver.things")
    configuration = table.metadata().configuration
    assert configuration["delta.deletedFileRetentionDuration"] == "interval 36500 days"
    assert configuration["delta.enableChangeDataFeed"] == "true"
    assert table.protocol().min_reader_version == 1


def test_missing_tables_and_versions_say_what_to_do(lake):
    with pytest.raises(TableNotFoundError, match="mixlake run"):
        lake.catalog.open("silver.others")
    with pytest.raises(TableNotFoundError, match="latest is 0"):
        lake.catalog.open("silver.things", 7)
    with pytest.raises(TableNotFoundError, match=r"layer\.table"):
        lake.catalog.table_uri("../etc/passwd")


def test_a_lake_of_a_newer_format_is_refused(tmp_path):
    uri = str(tmp_path / "lake" / "silver" / "things")
    DeltaTable.create(
        uri, pa.schema([("n", pa.int64())]), configuration={"mixlake.format": "99"}, raise_if_key_not_exists=False
    )
    with pytest.raises(LakeError, match="lake format 99") as raised:
        Lake(str(tmp_path / "lake")).catalog.open("silver.things")
    assert "newer mixlake" in raised.value.hint


def test_a_damaged_log_is_one_line(lake, tmp_path):
    log = tmp_path / "lake" / "silver" / "things" / "_delta_log" / f"{0:020d}.json"
    log.write_text("{ not json")
    with pytest.raises(LakeError, match=r"silver\.things") as raised:
        lake.catalog.open("silver.things")
    assert "\n" not in str(raised.value)


def test_a_table_is_read_at_a_version(lake):
    write_deltalake(lake.catalog.table_uri("silver.things"), pa.table({"n": pa.array([1], pa.int64())}), mode="append")
    assert lake.table("silver.things").num_rows == 1
    assert lake.table("silver.things", 0).num_rows == 0
    assert lake.sql("SELECT n FROM silver.things").to_pydict() == {"n": [1]}


def test_rows_are_exported_and_the_manifest_returned(tmp_path):
    lake = lake_at(tmp_path / "lake")
    trained(lake)
    manifest = lake.export(tmp_path / "out", ["gold.samples"], at="mix-1", format="jsonl", options={"nan": "null"})
    assert (manifest.rows, manifest.snapshot["release"]) == (3, "mix-1")
    assert lake.export(str(tmp_path / "few"), sql="SELECT 1 AS x").rows == 1
