from __future__ import annotations

import dataclasses
import json
import os
import threading
from datetime import UTC, datetime

import pytest
from openlineage.client.serde import Serde

from lakehouse.delta.commit_note import CommitNote
from lakehouse.errors import CheckFailedError, FlowError
from lakehouse.plan.plan import make_plan
from lakehouse.run.openlineage import facets
from lakehouse.run.openlineage.events import Events
from lakehouse.run.openlineage.guard import Deadline
from lakehouse.run.openlineage.run_ids import run_uuid
from lakehouse.run.report import FlowResult
from tests.lakehouse import words
from tests.lakehouse.run.openlineage.published import validate

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PARENT = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)


@pytest.fixture
def plan(project):
    words.write(project)
    return make_plan(project.lake().project)


@pytest.fixture
def events(project, plan):
    return Events(project.lake().project, "20260102T030405-abcdef12", "acme")


def body(event):
    found = json.loads(Serde.to_json(event))
    validate(found)
    return found


def item_of(plan, table):
    (item,) = [item for item in plan.flows if item.writes == table]
    return item


def committed(item):
    """Return the result of a flow that committed."""
    note = CommitNote(
        run_id="r", flow=item.flow.id, kind=item.flow.kind, mode="full", code="c", params="{}", contract="c",
        inputs={"bronze.lines": 1}, ids="i", changed=True, counts={"returned": 3}, digest="d",
    )  # fmt: skip
    return FlowResult(item.flow.id, item.writes, "done", version=1, note=note)


def _maker(name):
    return name[0] != "_" and getattr(getattr(facets, name), "__module__", "") == facets.__name__


@pytest.mark.parametrize("broken", sorted(name for name in vars(facets) if _maker(name) and name[0].islower()))
@pytest.mark.parametrize("wrong", [RecursionError("deep"), IndexError("list index out of range")])
def test_every_event_is_made_whatever_a_facet_raises(events, plan, monkeypatch, caplog, broken, wrong):
    def fail(*_, **__):
        raise wrong

    monkeypatch.setattr(facets, broken, fail)
    item = item_of(plan, "gold.counts")
    made = [
        events.run("START", AT),
        events.began(item, AT),
        events.ended(item, committed(item), AT),
        events.ended(item, FlowResult(item.flow.id, item.writes, "failed", error=FlowError("no", "fix")), AT),
        events.aborted(item, AT),
        events.run("FAIL", AT),
    ]
    assert [body(event)["eventType"] for event in made] == ["START", "START", "COMPLETE", "FAIL", "ABORT", "FAIL"]
    for record in caplog.records:
        assert type(wrong).__name__ in record.getMessage()


def test_a_query_that_takes_too_long_has_no_lineage_and_its_event_is_sent(events, plan, monkeypatch, caplog):
    released = threading.Event()
    monkeypatch.setattr("lakehouse.run.openlineage.events.of_sql", lambda *_: released.wait(30))
    events._patience = Deadline(0.05)
    item = item_of(plan, "gold.counts")
    try:
        event = body(events.ended(item, committed(item), AT))
    finally:
        released.set()
    assert "columnLineage" not in event["outputs"][0]["facets"]
    assert any(item.flow.id in text and "TimeoutError" in text for text in caplog.messages)


def test_a_runs_events_have_its_id_and_time(events):
    event = body(events.run("START", AT))
    assert (event["eventType"], event["eventTime"]) == ("START", "2026-01-02T03:04:05+00:00")
    assert event["run"]["runId"] == run_uuid("20260102T030405-abcdef12")
    assert event["job"]["namespace"] == "acme"
    assert "parent" not in event["run"]["facets"]


def test_input_versions_are_left_out_until_they_are_pinned(events, plan):
    item = item_of(plan, "silver.shouts")
    item = dataclasses.replace(item, inputs={"bronze.lines": 7})
    (pinned,), (loose,) = (body(events.began(item, AT, pinned=pinned))["inputs"] for pinned in (True, False))
    assert pinned["facets"]["version"]["datasetVersion"] == "7"
    assert "version" not in loose["facets"]


def test_a_failure_says_why_and_a_skipped_flow_is_aborted(events, plan):
    item = item_of(plan, "bronze.lines")
    failed = body(events.ended(item, FlowResult(item.flow.id, item.writes, "failed", error=FlowError("no", "fix")), AT))
    assert failed["eventType"] == "FAIL"
    assert failed["run"]["facets"]["errorMessage"]["message"] == "no — fix"
    assert body(events.ended(item, FlowResult(item.flow.id, item.writes, "skipped"), AT))["eventType"] == "ABORT"
    assert body(events.aborted(item, AT))["eventType"] == "ABORT"


def test_a_refused_commit_reports_its_checks(events, plan):
    item = item_of(plan, "bronze.lines")
    error = CheckFailedError("3 of 4 rows were refused", "fix the rows")
    error.reasons, error.rows = {"text is not empty": 3}, 4
    event = body(events.ended(item, FlowResult(item.flow.id, item.writes, "failed", error=error), AT))
    checks = {a["name"]: a for a in event["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]}
    assert checks["text is not empty"]["params"]["passed"] == 1


@pytest.mark.parametrize("value", ["nobody", "a/b", f"{PARENT}", "a/b/not-a-uuid"])
def test_a_parent_that_is_none_is_ignored_with_a_warning(project, plan, monkeypatch, caplog, value):
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", value)
    event = body(Events(project.lake().project, "run", "acme").run("START", AT))
    assert "parent" not in event["run"]["facets"]
    assert "give namespace/job/run-uuid" in caplog.text


def test_the_root_stands_above_the_parent(project, plan, monkeypatch):
    root = "01890a5d-ac96-774b-bcce-b302099a8058"
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"airflow://prod/daily/{PARENT}")
    monkeypatch.setenv("OPENLINEAGE_ROOT_PARENT_ID", f"airflow://prod/all/{root}")
    events = Events(project.lake().project, "run", "acme")
    parent = body(events.run("START", AT))["run"]["facets"]["parent"]
    assert (parent["run"]["runId"], parent["root"]["run"]["runId"]) == (PARENT, root)
    flow = body(events.began(item_of(plan, "bronze.lines"), AT))["run"]["facets"]["parent"]
    assert (flow["run"]["runId"], flow["root"]["run"]["runId"]) == (run_uuid("run"), root)
