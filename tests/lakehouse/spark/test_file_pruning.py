"""Rows that some keys name, of a large table through the files in which they lie."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import write_deltalake

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.engine import AffectedKeys, KeyRange
from lakehouse.spark import file_pruning
from lakehouse.spark.delta_reader import load
from lakehouse.spark.file_pruning import KeysOf, rows_with_keys
from tests.lakehouse.lakes import lake_at

TABLE = Table(
    "bronze.numbers",
    doc="Numbers.",
    columns=[
        Column("k", pa.string(), "Key."),
        Column("n", pa.int64(), "Number."),
        Column("text", pa.string(), "Text."),
    ],
    key=["k"],
)
FILES, ROWS = 8, 50


@pytest.fixture
def lake(tmp_path, spark, monkeypatch):
    """A table of eight files, each with rows of all places of the order, which counts as large."""
    monkeypatch.setattr(file_pruning, "LARGE", 0)
    made = lake_at(tmp_path / "the lake")
    for file in range(FILES):
        write_deltalake(made.catalog.table_uri(TABLE.name), rows(range(file, FILES * ROWS, FILES)), mode="append")
    return made


def rows(numbers):
    n = pa.array(list(numbers), pa.int64())
    k = pc.utf8_lpad(pc.cast(n, pa.string()), 4, "0")
    return pa.table({"k": k, "n": n, "text": pc.binary_join_element_wise("text of", k, " ")})


def named(spark, lake, keys, span=None, version=None):
    from pyspark.sql import functions as F

    wanted = spark.createDataFrame([(key,) for key in keys], "k string")
    version = lake.catalog.open(TABLE.name).version() if version is None else version
    whole = load(spark, lake.catalog, TABLE, version)
    return rows_with_keys(whole, lake.catalog, TABLE.name, version, KeysOf(F.col("k"), AffectedKeys(wanted, span)))


def answer(spark, lake, keys, span=None, version=None):
    return sorted(row["n"] for row in named(spark, lake, keys, span, version).collect())


def test_only_files_that_hold_a_key_are_read(spark, lake):
    found = named(spark, lake, ["0003", "0011", "0012", "9999"])
    assert sorted(row["n"] for row in found.collect()) == [3, 11, 12]
    assert len(found.inputFiles()) == 2
    assert found.columns == [column.name for column in TABLE.columns]


@pytest.mark.parametrize(
    ("keys", "span"),
    [
        (["0003", "0011"], KeyRange("0003", "0011")),
        ([f"{n:04}" for n in range(0, 400, 7)], None),
        (["9999"], None),
        ([], None),
    ],
    ids=["few in a span", "in every file", "none", "no key"],
)
def test_the_rows_are_those_of_the_whole_table(spark, lake, monkeypatch, keys, span):
    near = answer(spark, lake, keys, span)
    monkeypatch.setattr(file_pruning, "LARGE", 1 << 40)
    assert near == answer(spark, lake, keys, span)
    assert near == sorted(int(key) for key in keys if int(key) < FILES * ROWS)


def test_a_version_is_read_as_it_was(spark, lake):
    lake.catalog.open(TABLE.name).update({"n": "n + 10000"}, predicate="k = '0003'")
    assert answer(spark, lake, ["0003", "0011"]) == [11, 10003]
    assert answer(spark, lake, ["0003", "0011"], version=FILES - 1) == [3, 11]


def test_rows_that_a_deletion_vector_takes_out_are_not_read(spark, lake):
    uri = lake.catalog.table_uri(TABLE.name)
    spark.sql(f"ALTER TABLE delta.`{uri}` SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
    spark.sql(f"DELETE FROM delta.`{uri}` WHERE k = '0003'")
    assert answer(spark, lake, ["0003", "0011"]) == [11]


@pytest.mark.parametrize(
    "mapped",
    [
        "'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5', 'delta.columnMapping.mode' = 'name'",
        "'delta.minReaderVersion' = '3', 'delta.minWriterVersion' = '7', 'delta.columnMapping.mode' = 'name'",
    ],
    ids=["by versions", "by features"],
)
def test_columns_that_have_other_names_in_files_are_read_by_their_own(spark, lake, mapped):
    uri = lake.catalog.table_uri(TABLE.name)
    spark.sql(f"ALTER TABLE delta.`{uri}` SET TBLPROPERTIES ({mapped})")
    spark.sql(f"ALTER TABLE delta.`{uri}` DROP COLUMN text")
    spark.sql(f"ALTER TABLE delta.`{uri}` ADD COLUMN text STRING")
    (row,) = named(spark, lake, ["0003"]).collect()
    assert (row["n"], row["text"]) == (3, None)


@pytest.mark.parametrize("before", ["_", "."])
def test_files_whose_names_readers_pass_over_are_read(spark, lake, before):
    folder = Path(lake.catalog.table_uri(TABLE.name))
    for file in folder.glob("*.parquet"):
        for log in folder.glob("_delta_log/*.json"):
            log.write_text(log.read_text().replace(file.name, before + file.name))
        file.rename(folder / (before + file.name))
    assert answer(spark, lake, ["0003", "0011"]) == [3, 11]


def test_a_lake_whose_place_has_signs_of_a_pattern_is_read_whole(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(file_pruning, "LARGE", 0)
    made = lake_at(tmp_path / "lake{1}")
    for file in range(FILES):
        write_deltalake(made.catalog.table_uri(TABLE.name), rows(range(file, FILES * ROWS, FILES)), mode="append")
    assert answer(spark, made, ["0003", "0011"]) == [3, 11]
