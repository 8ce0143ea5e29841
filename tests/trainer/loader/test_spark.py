"""Rows as the engine's Spark writes them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lakehouse.delta.append import create
from lakehouse.delta.catalog import Catalog
from lakehouse.errors import LakeError
from lakehouse.lake import Lake
from lakehouse.release.create import create_release
from schemas.mixture import sequences
from trainer.loader import PackedLoader
from trainer.loader.data_files import DataFiles
from trainer.loader.position_index import StageIndex, add_actions, files_of_stage
from trainer.loader.row_groups import Groups

FIRST = 1000


def write(spark, lake, rows, **options):
    frame = spark.createDataFrame(rows)
    frame.write.format("delta").mode("append").options(**dict(sequences.writer_options), **options).save(lake.sequences)


@pytest.fixture
def written(spark, lake):
    create(Catalog(str(lake.root)), sequences)
    rows = lake.packed_rows("cold", 300)
    other = lake.packed_rows("hot", 60, length=16)
    write(spark, lake, pa.concat_tables([rows.slice(200), other.slice(0, 30)]))
    write(spark, lake, pa.concat_tables([other.slice(30), rows.slice(0, 200)]))
    return lake


def test_a_release_of_spark_tables_is_read_by_name(written):
    lake = Lake(str(written.root))
    release = create_release(lake.project, "mix-1", ["gold.sequences", "gold.vocabulary"])
    for place in (lake, lake.uri):
        loader = PackedLoader(place, "mix-1", "cold", seed=2, global_batch=64)
        assert loader.digest == release.digest
        batches = list(loader)
        positions = np.concatenate([batch.positions.numpy() for batch in batches])
        tokens = np.concatenate([batch.tokens.numpy() for batch in batches])[positions >= 0]
        positions = positions[positions >= 0]
        assert np.array_equal(np.sort(positions), np.arange(300))
        assert np.array_equal(tokens[:, 0], FIRST + 100 * positions)
    state = loader.state_dict()
    assert state["position"] == 300
    again = PackedLoader.from_state({**state, "position": 100}, lake, "mix-1", global_batch=100)
    assert np.array_equal(next(iter(again)).positions, positions[100:200])


def test_tokens_of_one_stage_are_mapped_in_place(spark, lake):
    create(Catalog(str(lake.root)), sequences)
    write(spark, lake, lake.packed_rows("cold", 100))
    table = DeltaTable(lake.sequences)
    actions = files_of_stage(add_actions(table), "cold")
    files = DataFiles(table, actions, storage_options=None, what="a test")
    index, groups = StageIndex(actions, files, "cold"), Groups(files, "cold")
    assert index.rows == 100
    for file, group, _ in index.locate(np.arange(100)):
        assert all(np.shares_memory(view, files.mapped(file)) for view, _ in groups.get(file, group)._tokens)
    (batch,) = PackedLoader(str(lake.root), lake.versions(), "cold", global_batch=100)
    full = batch.full()
    assert full.tokens[:, 0].tolist() == (FIRST + 100 * np.arange(100)).tolist()
    assert full.loss_mask.sum() > 0


@pytest.mark.parametrize(
    ("property_", "value", "message"),
    [("delta.columnMapping.mode", "name", "columnMapping"), ("delta.enableDeletionVectors", "true", "deletionVectors")],
)
def test_tables_that_files_alone_do_not_tell_are_refused(spark, lake, property_, value, message):
    create(Catalog(str(lake.root)), sequences)
    rows = lake.packed_rows("cold", 4)
    write(spark, lake, rows)
    spark.sql(f"ALTER TABLE delta.`{lake.sequences}` SET TBLPROPERTIES ('{property_}' = '{value}')")
    write(spark, lake, lake.packed_rows("cold", 4, begin=4))
    with pytest.raises(LakeError, match=message):
        PackedLoader(str(lake.root), lake.versions(), "cold")
