from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.lineage.index.embedded_entries import EmbeddedIndexEngine
from lakehouse.lineage.index.state import bytes_behind, index_state
from lakehouse.lineage.index.sync import sync_edges
from lakehouse.run import index_update
from lakehouse.run.index_update import update_index
from lakehouse.run.listener import Listener
from lakehouse.run.spark_session import SparkHandle
from tests.lakehouse.lakes import lake_at


@pytest.fixture
def handle(tmp_path):
    return SparkHandle(lake_at(tmp_path / "lake").project, tmp_path / "spark.log", Listener())


def test_the_index_is_no_reason_to_start_spark(handle, monkeypatch):
    engines = []
    monkeypatch.setattr(index_update, "sync_edges", lambda engine, catalog, run_id: engines.append((engine, run_id)))
    update_index(handle.project, handle, "run-1")
    ((engine, run_id),) = engines
    assert (isinstance(engine, EmbeddedIndexEngine), run_id, handle.started) == (True, "run-1", False)


def test_what_is_too_much_for_one_process_is_left_to_spark(handle, monkeypatch, caplog):
    lake = lake_at(Path(handle.project.catalog.uri))
    rows = pa.table({"sample_id": ["a", "b"]})
    write_deltalake(lake.catalog.table_uri("bronze.a"), rows, configuration={"delta.enableChangeDataFeed": "true"})
    engines = []
    monkeypatch.setattr(index_update, "sync_edges", lambda engine, catalog, run_id: engines.append(engine.name))
    monkeypatch.setattr(index_update, "SparkIndexEngine", lambda session, catalog: SimpleNamespace(name="spark"))
    monkeypatch.setattr(SparkHandle, "get", lambda self: None)
    update_index(lake.project, handle, "run-1")
    assert engines == ["embedded"]
    monkeypatch.setattr(index_update, "EMBEDDED_BYTES", 1)
    with caplog.at_level(logging.INFO, logger="mixlake.run"):
        update_index(lake.project, handle, "run-2")
    assert engines == ["embedded"]
    assert "left to a run that starts Spark" in caplog.text
    # A purge cannot wait.
    update_index(lake.project, handle, "run-3", start=True)
    assert engines == ["embedded", "spark"]
    # Without Spark installed there is nobody to leave it to.
    monkeypatch.setattr(index_update, "find_spec", lambda name: None)
    update_index(lake.project, handle, "run-4")
    assert engines == ["embedded", "spark", "embedded"]


def test_bytes_behind_are_of_what_changed(tmp_path):
    lake = lake_at(tmp_path / "lake")
    uri = lake.catalog.table_uri("bronze.a")
    many = pa.table({"sample_id": [f"{n:032x}" for n in range(5000)]})
    write_deltalake(uri, many, configuration={"delta.enableChangeDataFeed": "true"})
    whole = bytes_behind(lake.catalog, index_state(lake.project))
    sync_edges(EmbeddedIndexEngine(lake.catalog), lake.project, "run-1")
    assert bytes_behind(lake.catalog, index_state(lake.project)) == 0
    write_deltalake(uri, many.slice(0, 1), mode="append")
    assert 0 < bytes_behind(lake.catalog, index_state(lake.project)) < whole / 5


def test_spark_updates_the_index_where_it_is_up(handle, monkeypatch, spark):
    engines = []
    monkeypatch.setattr(index_update, "sync_edges", lambda engine, catalog, run_id: engines.append(engine.name))
    handle._session = spark
    update_index(handle.project, handle, "run-1")
    assert engines == ["spark"]


def test_an_index_that_cannot_be_updated_stops_no_run(handle, monkeypatch, caplog):
    def fail(engine, catalog, run_id):
        raise OSError("the disk is full\nat line 3")

    monkeypatch.setattr(index_update, "sync_edges", fail)
    with caplog.at_level(logging.WARNING, logger="mixlake.run"):
        update_index(handle.project, handle, "run-1")
    (message,) = [record.getMessage() for record in caplog.records]
    assert message == "ledger.edges could not be updated: the disk is full; the next run tries again"
