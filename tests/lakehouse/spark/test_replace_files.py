"""Compaction by a transaction of Delta's, and why the documented ways do not serve."""

from __future__ import annotations

import importlib.metadata

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import append_rows
from lakehouse.delta.data_version import changed_version
from lakehouse.delta.file_actions import read_file_actions
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import CollisionError
from lakehouse.spark.replace_files import replace_files
from tests.lakehouse.lakes import lake_at

THINGS = Table(
    "gold.things",
    doc="A thing.",
    columns=[Column("n", pa.int64(), "Number.", nullable=False), Column("text", pa.string(), "Text.")],
    key=["n"],
    cluster_by=["n"],
)
# Releases of Delta whose classes the transaction is written against. Run this file before adding another.
SUPPORTED = {"4.4.0"}


def rows(*numbers):
    return pa.table({"n": pa.array(numbers, pa.int64()), "text": [f"text {number}" for number in numbers]})


@pytest.fixture
def lake(tmp_path):
    """A lake whose one table has three files with interleaved numbers."""
    made = lake_at(tmp_path / "a lake")
    for part in ((5, 1, 9), (2, 8, 4), (7, 3, 6)):
        append_rows(made.catalog, THINGS, rows(*part))
    return made


def paths(lake):
    return pa.table(lake.catalog.open("gold.things").get_add_actions(flatten=True))["path"].to_pylist()


def numbers(lake):
    """Return the numbers file by file, in stored order."""
    return lake.catalog.open("gold.things").to_pyarrow_table()["n"].to_pylist()


def test_the_transaction_is_written_against_this_release_of_delta():
    assert importlib.metadata.version("delta-spark") in SUPPORTED


def test_rows_are_merged_in_order_and_no_change_is_recorded(spark, lake):
    before = changed_version(lake.catalog.open("gold.things"))
    version = replace_files(spark.newSession(), lake.catalog, THINGS, paths(lake), 1)
    table = lake.catalog.open("gold.things")
    assert (table.version(), len(paths(lake)), numbers(lake)) == (version, 1, list(range(1, 10)))
    assert changed_version(table) == before == version - 1
    assert pa.table(table.load_cdf(starting_version=version)).num_rows == 0
    actions = read_file_actions(table_store(table), [version])
    assert sorted(actions["kind"].to_pylist()) == ["add", "remove", "remove", "remove"]
    assert set(actions["data_change"].to_pylist()) == {False}
    assert table.history(1)[0]["operation"] == "OPTIMIZE"
    changes = spark.read.option("readChangeFeed", "true").option("startingVersion", version)
    assert changes.format("delta").load(lake.catalog.table_uri("gold.things")).count() == 0


def test_a_writer_that_comes_in_between_loses_nothing(spark, lake):
    old = paths(lake)
    append_rows(lake.catalog, THINGS, rows(10))
    replace_files(spark.newSession(), lake.catalog, THINGS, old, 1)
    assert sorted(numbers(lake)) == list(range(1, 11))
    with pytest.raises(CollisionError, match="files were removed meanwhile"):
        replace_files(spark.newSession(), lake.catalog, THINGS, old, 1)
    assert sorted(numbers(lake)) == list(range(1, 11))


def test_files_that_are_not_named_stay(spark, lake):
    first, second, third = paths(lake)
    replace_files(spark.newSession(), lake.catalog, THINGS, [first, second], 1)
    assert third in paths(lake)
    assert len(paths(lake)) == 2


def test_the_documented_overwrite_rewrites_every_file(spark, lake):
    uri = lake.catalog.table_uri("gold.things")
    old = set(paths(lake))
    ordered = spark.read.format("delta").load(uri).repartitionByRange(1, "n").sortWithinPartitions("n")
    ordered.write.format("delta").option("dataChange", "false").mode("overwrite").save(uri)
    assert not old & set(paths(lake))  # once it can leave some of them, the transaction can go
    assert numbers(lake) == list(range(1, 10))


def test_the_documented_compaction_does_not_sort(spark, lake):
    from delta.tables import DeltaTable as SparkDeltaTable

    SparkDeltaTable.forPath(spark, lake.catalog.table_uri("gold.things")).optimize().executeCompaction()
    assert len(paths(lake)) == 1
    assert numbers(lake) != list(range(1, 10))
    assert sorted(numbers(lake)) == list(range(1, 10))
