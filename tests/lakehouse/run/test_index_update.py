from __future__ import annotations

import logging

import pytest

from lakehouse.lineage.index.embedded_entries import EmbeddedIndexEngine
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
    update_index(handle.project.catalog, handle, "run-1")
    ((engine, run_id),) = engines
    assert (isinstance(engine, EmbeddedIndexEngine), run_id, handle.started) == (True, "run-1", False)


def test_spark_updates_the_index_where_it_is_up(handle, monkeypatch, spark):
    engines = []
    monkeypatch.setattr(index_update, "sync_edges", lambda engine, catalog, run_id: engines.append(engine.name))
    handle._session = spark
    update_index(handle.project.catalog, handle, "run-1")
    assert engines == ["spark"]


def test_an_index_that_cannot_be_updated_stops_no_run(handle, monkeypatch, caplog):
    def fail(engine, catalog, run_id):
        raise OSError("the disk is full\nat line 3")

    monkeypatch.setattr(index_update, "sync_edges", fail)
    with caplog.at_level(logging.WARNING, logger="mixlake.run"):
        update_index(handle.project.catalog, handle, "run-1")
    (message,) = [record.getMessage() for record in caplog.records]
    assert message == "ledger.edges could not be updated: the disk is full; the next run tries again"
