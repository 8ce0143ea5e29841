from __future__ import annotations

import logging
import threading
import time

import pytest

from lakehouse.run import spark_session
from lakehouse.run.listener import Listener
from lakehouse.run.spark_session import SparkHandle
from tests.lakehouse.lakes import lake_at


class Recorder(Listener):
    def __init__(self):
        self.seconds = []

    def session(self, seconds):
        self.seconds.append(seconds)


@pytest.fixture
def handle(tmp_path, monkeypatch):
    """A handle whose session is an object that takes a moment to start; `starts` counts them."""
    starts = []

    def start(config, log_file):
        starts.append(log_file)
        time.sleep(0.05)
        return object()

    monkeypatch.setattr(spark_session, "start", start)
    monkeypatch.setattr(spark_session, "require_ready", lambda session, project: None)
    monkeypatch.setattr(spark_session, "distribute_code", lambda session, modules, root: None)
    made = SparkHandle(lake_at(tmp_path / "lake").project, tmp_path / "spark.log", Recorder())
    made.starts = starts
    return made


def test_threads_share_one_session_that_starts_once(handle):
    found = []
    threads = [threading.Thread(target=lambda: found.append(handle.get())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    assert handle.starts == [handle.log_file]
    assert handle.listener.seconds == [handle.seconds]
    assert handle.seconds >= 0.05


def test_the_index_is_not_a_reason_to_start_spark(handle, monkeypatch):
    synced = []
    monkeypatch.setattr(spark_session, "sync_edges", lambda session, catalog, run_id: synced.append(run_id))
    handle.sync_edges("run-1")
    assert (handle.starts, synced, handle.seconds) == ([], [], 0.0)
    handle.sync_edges("run-1", start=True)
    assert (len(handle.starts), synced) == (1, ["run-1"])
    handle.sync_edges("run-2")
    assert synced == ["run-1", "run-2"]


def test_an_index_that_cannot_be_brought_up_to_date_stops_no_run(handle, monkeypatch, caplog):
    def fail(session, catalog, run_id):
        raise OSError("the disk is full\nat line 3")

    monkeypatch.setattr(spark_session, "sync_edges", fail)
    with caplog.at_level(logging.WARNING, logger="mixlake.run"):
        handle.sync_edges("run-1", start=True)
    (message,) = [record.getMessage() for record in caplog.records]
    assert message == "ledger.edges could not be brought up to date: the disk is full; the next run tries again"
