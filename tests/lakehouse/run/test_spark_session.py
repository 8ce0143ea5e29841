from __future__ import annotations

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
    assert not handle.started
    threads = [threading.Thread(target=lambda: found.append(handle.get())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    assert handle.starts == [handle.log_file]
    assert handle.started
    assert handle.listener.seconds == [handle.seconds]
    assert handle.seconds >= 0.05
