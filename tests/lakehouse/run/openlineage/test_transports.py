from __future__ import annotations

import json
import logging
import os
import socket
import threading
from datetime import UTC, datetime

import pytest
from openlineage.client import event_v2 as ol

from lakehouse.run.openlineage.run_ids import run_uuid
from lakehouse.run.openlineage.transports import EventFile, Remote
from tests.lakehouse.run.openlineage.published import validate
from tests.lakehouse.run.openlineage.servers import serving, wait_for


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def event(number=0):
    return ol.RunEvent(
        eventType=ol.RunState.START,
        eventTime=datetime.now(UTC).isoformat(),
        run=ol.Run(run_uuid("run", str(number))),
        job=ol.Job("tests", f"job {number}"),
        producer="pkg:generic/mixlake@0",
    )


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_file_gets_one_line_an_event_from_many_threads(tmp_path):
    file = EventFile(tmp_path / "logs" / "events.jsonl")

    def many(first):
        for number in range(50):
            file.write(event(first + number))

    threads = [threading.Thread(target=many, args=(100 * at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [json.loads(line) for line in file.path.read_text().splitlines()]
    assert len({body["job"]["name"] for body in found}) == len(found) == 400
    validate(found[0])


def test_a_file_that_cannot_be_written_is_warned_of_once(tmp_path, caplog):
    (tmp_path / "logs").write_text("no folder")
    file = EventFile(tmp_path / "logs" / "events.jsonl")
    file.write(event())
    file.write(event())
    assert len(warnings(caplog)) == 1
    assert "events.jsonl" in warnings(caplog)[0]


def test_events_arrive_in_their_order_with_key_and_headers(monkeypatch, caplog):
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "s3cret")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__CUSTOM_HEADERS", '{"X-Team": "acme"}')
    with serving() as (url, found):
        remote = Remote(url, "")
        for number in range(30):
            remote.send(event(number))
        remote.close(30)
    assert [body["job"]["name"] for _, _, body in found] == [f"job {number}" for number in range(30)]
    path, headers, body = found[0]
    assert path == "/api/v1/lineage"
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["X-Team"] == "acme"
    validate(body)
    assert not warnings(caplog)


def test_the_path_is_the_environments(monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_ENDPOINT", "lineage/v2")
    with serving() as (url, found):
        remote = Remote(url, "")
        remote.send(event())
        remote.close(30)
    assert [path for path, _, _ in found] == ["/lineage/v2"]


def test_an_endpoint_that_is_down_is_warned_of_once_and_left_alone(monkeypatch, caplog):
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__RETRY", '{"total": 0}')
    with socket.socket() as taken:  # bound, never listening: it refuses
        taken.bind(("127.0.0.1", 0))
        remote = Remote(f"http://127.0.0.1:{taken.getsockname()[1]}", "/lake/events.jsonl")
        for number in range(5):
            remote.send(event(number))
        remote.close(30)
    (message,) = warnings(caplog)
    assert "do not reach http://127.0.0.1" in message
    assert "/lake/events.jsonl has them" in message


def test_each_event_is_tried_again_where_the_endpoint_stumbles(caplog):
    with serving(status=lambda count: 503 if count == 1 else 201) as (url, found):
        remote = Remote(url, "")
        remote.send(event())
        remote.close(30)
    assert len(found) == 2
    assert not warnings(caplog)


def test_an_endpoint_that_fails_is_given_up_after_the_first_event(caplog):
    with serving(status=500) as (url, found):
        remote = Remote(url, "")
        for number in range(5):
            remote.send(event(number))
        remote.close(30)
    assert {body["job"]["name"] for _, _, body in found} == {"job 0"}
    assert len(found) == 3  # once, and twice again
    (message,) = warnings(caplog)
    assert "do not reach" in message


def test_an_endpoint_that_accepted_events_is_given_up_after_three_failures_in_a_row(caplog):
    # A refusal is not tried again.
    answers = {1: 201, 2: 400, 3: 201, 4: 400, 5: 400, 6: 400}
    with serving(status=lambda count: answers[count]) as (url, found):
        remote = Remote(url, "")
        for number in range(9):
            remote.send(event(number))
        remote.close(30)
    assert len(found) == 6
    assert len(warnings(caplog)) == 1


def test_a_slow_endpoint_is_not_waited_for(caplog):
    with serving(seconds=30) as (url, found):
        remote = Remote(url, "")
        for number in range(3):
            remote.send(event(number))
        remote.close(0.2)
        assert found == []
        (message,) = warnings(caplog)
        assert message.startswith("3 OpenLineage events were not accepted")


def test_a_slow_endpoint_ends_a_request_by_the_timeout(monkeypatch, caplog):
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TIMEOUT", "0.05")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__RETRY", '{"total": 0}')
    with serving(seconds=30) as (url, _):
        remote = Remote(url, "")
        remote.send(event())
        wait_for(lambda: warnings(caplog))
        remote.close(30)
    assert "do not reach" in warnings(caplog)[0]


def test_a_password_in_the_address_is_not_logged(caplog):
    remote = Remote("http://me:pw@127.0.0.1:9", "")
    remote.send(event())
    remote.close(30)
    (message,) = warnings(caplog)
    assert "pw" not in message


def test_the_environment_may_name_another_transport(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(tmp_path / "theirs.jsonl"))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    remote = Remote("", "")
    remote.send(event())
    remote.close(30)
    validate(json.loads((tmp_path / "theirs.jsonl").read_text()))
