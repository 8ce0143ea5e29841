from __future__ import annotations

import json

import pytest

from lakehouse.run.log_cleanup import clean_logs
from lakehouse.run.openlineage.transports import events_file
from tests.lakehouse.lakes import lake_at


@pytest.fixture
def logs(tmp_path):
    lake = lake_at(tmp_path / "lake")
    folder = tmp_path / "lake" / "_logs"
    folder.mkdir(parents=True)
    return lake.project, folder


def test_logs_of_earlier_runs_are_deleted_and_this_runs_is_emptied(logs):
    project, folder = logs
    own, earlier, other = folder / "spark-b.log", folder / "spark-a.log", folder / "notes.txt"
    for path in (own, earlier, other):
        path.write_text("a row")
    clean_logs(project, own)
    assert not earlier.exists()
    assert (own.read_text(), other.read_text()) == ("", "a row")


def test_error_messages_are_removed_from_events_and_all_else_stays(logs):
    project, folder = logs
    path = events_file(project, "run-1")
    assert path.parent == folder
    plain = {"eventType": "START", "run": {"runId": "x", "facets": {"parent": {}}}}
    failed = {
        "eventType": "FAIL",
        "run": {"runId": "x", "facets": {"errorMessage": {"message": "a row"}, "parent": {}}},
    }
    path.write_text(f"{json.dumps(plain)}\n{json.dumps(failed)}\n" + '{"errorMessage": "cut o')
    own = folder / "spark-own.log"
    own.touch()
    clean_logs(project, own)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert events == [plain, {**failed, "run": {"runId": "x", "facets": {"parent": {}}}}]
