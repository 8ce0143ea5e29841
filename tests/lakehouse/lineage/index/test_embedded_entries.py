from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

from lakehouse.lineage.index import embedded_entries
from lakehouse.lineage.index.embedded_entries import EmbeddedIndexEngine
from lakehouse.lineage.index.sync import sync_edges
from tests.lakehouse.lakes import lake_at
from tests.lakehouse.lineage.index.graphs import all_entries, held_entries


def update(lake, run_id="s1"):
    return sync_edges(EmbeddedIndexEngine(lake.catalog), lake.project, run_id)


def test_tables_of_other_types_and_without_some_columns(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write_deltalake(
        lake.catalog.table_uri("bronze.large"),
        pa.table(
            {
                "sample_id": pa.array(["a", None, "c", "ü'x"], pa.large_string()),
                "parent_ids": pa.array([["p", None], ["p"], None, []], pa.list_(pa.large_string())),
                "source": pa.array([1, 2, 3, 4]),
            }
        ),
    )
    write_deltalake(lake.catalog.table_uri("silver.plain"), pa.table({"sample_id": ["a", "a"]}))
    update(lake)
    held = held_entries(lake)["child"]
    bare = (None, None, None, None)
    assert held == {
        # A source that is a number is the table's own.
        (None, "a", "bronze.large", *bare): 1,
        (None, "c", "bronze.large", *bare): 1,
        (None, "ü'x", "bronze.large", *bare): 1,
        ("p", "a", "bronze.large", *bare): 1,
        (None, "a", "silver.plain", *bare): 2,
    }


def test_a_table_with_column_mapping_and_deletion_vectors_is_read_as_it_is(tmp_path, spark):
    lake = lake_at(tmp_path / "lake")
    uri = lake.catalog.table_uri("bronze.mapped")
    spark.sql(
        f"CREATE TABLE delta.`{uri}` (sample_id STRING, parent_ids ARRAY<STRING>, license STRING) USING delta "
        "TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableDeletionVectors' = 'true')"
    )
    spark.sql(f"INSERT INTO delta.`{uri}` SELECT string(id), array('p'), 'MIT' FROM range(10)")
    spark.sql(f"DELETE FROM delta.`{uri}` WHERE sample_id IN ('3', '4')")
    update(lake)
    children = [entry for entry in held_entries(lake)["child"] if entry[0] is None]
    assert sorted(child for _, child, *_ in children) == ["0", "1", "2", "5", "6", "7", "8", "9"]
    assert {entry[-2] for entry in children} == {"MIT"}


def test_what_does_not_fit_into_memory_is_spilled(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_entries, "_MEMORY_LIMIT", "160MB")
    lake = lake_at(tmp_path / "lake")
    number = pa.array(range(300_000))
    ids = pa.array([f"{n * 7919 % 300_007:032x}" for n in range(300_000)])
    parents = pa.ListArray.from_arrays(range(300_001), ids.take(pa.compute.divide(number, 3)))
    write_deltalake(lake.catalog.table_uri("bronze.a"), pa.table({"sample_id": ids, "parent_ids": parents}))
    update(lake)
    files = lake.catalog.open("ledger.edges").file_uris()
    groups = [pq.read_metadata(file).row_group(0).num_rows for file in files]
    assert max(groups) <= 32_768
    edges = lake.sql("SELECT sorted_by, count(*) AS entries FROM ledger.edges GROUP BY ALL ORDER BY ALL").to_pylist()
    assert edges == [{"sorted_by": "child", "entries": 600_000}, {"sorted_by": "parent", "entries": 300_000}]
    assert update(lake, "s2") is None


def test_levels_of_both_engines_are_one_index(tmp_path, spark):
    from lakehouse.lineage.index.spark_entries import SparkIndexEngine

    lake = lake_at(tmp_path / "lake")
    uri = lake.catalog.table_uri("bronze.a")
    for number, engine in enumerate([SparkIndexEngine(spark, lake.catalog), EmbeddedIndexEngine(lake.catalog)] * 2):
        ids = [f"{number:08x}{n:024x}" for n in range(100 // (number + 1))]
        rows = pa.table({"sample_id": ids, "parent_ids": [[f"{n:032x}"] for n in range(len(ids))]})
        write_deltalake(uri, rows, mode="append", configuration={"delta.enableChangeDataFeed": "true"})
        assert sync_edges(engine, lake.project, f"s{number}") is not None
        assert held_entries(lake)["child"] == all_entries(lake)
