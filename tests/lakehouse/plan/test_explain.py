from __future__ import annotations

import os

import pytest

from lakehouse.errors import TableNotFoundError, UsageError
from lakehouse.plan.explain import explain
from tests.lakehouse import words

# Tests run on the engine that TEST_ENGINE names.
ENGINE = os.environ.get("TEST_ENGINE", "embedded")
CHOSEN = {"engine": ENGINE, "engine_reason": f"engine: {ENGINE}"}


@pytest.fixture
def made(project):
    """Return a project whose lake is as one run left it, by delta-rs alone."""
    words.write_as_run(project, reasons={"no text: b": 1})
    return project


def test_a_fresh_flow_is_told_whole(made):
    found = explain(made.lake().project, "silver.shouts")
    assert (found["flow"], found["kind"], found["doc"]) == (f"{made.package}.flows.shout", "operator", "Shout a line.")
    assert (found["state"], found["causes"], found["next"]["mode"]) == ("fresh", [], "none")
    (read,) = found["reads"]
    assert (read["as"], read["table"], read["driving"], read["read"], read["now"]) == (
        "lines",
        "bronze.lines",
        True,
        0,
        0,
    )
    assert read["writer"] == f"{made.package}.flows.land"
    assert (found["writes"]["version"], found["writes"]["rows"], found["writes"]["key"]) == (0, 2, ["sample_id"])
    assert found["params"] == [{"name": "mark", "value": "!", "from": "default"}]
    assert found["code"]["definitions"] == {f"{made.package}.flows": ["loud", "shout"]}
    assert found["last"]["quarantined"] == {"no text: b": 1}
    assert found["last"]["at"].startswith("20")
    assert (found["upstream"], found["downstream"], found["readers"]) == (
        ["bronze.lines"],
        ["gold.counts"],
        ["gold.counts"],
    )
    checks = explain(made.lake().project, "bronze.lines")["writes"]
    assert checks["required"] == ["sample_id"]
    assert checks["checks"][0] == {
        "name": "text is not empty",
        "sql": "length(text) > 0",
        "on_fail": "quarantine",
        "tolerance": 0.5,
    }


def test_how_it_would_run_and_over_which_changes(made):
    words.leave_note(made, "bronze.lines")
    words.leave_note(made, "bronze.lines")
    coming = explain(made.lake().project, "silver.shouts")["next"]
    assert coming == {"mode": "incremental", "reason": "", "changes": {"bronze.lines": [1, 2]}, **CHOSEN}
    # What a SQL flow reads is to be written: over all rows, whatever changes.
    found = explain(made.lake().project, "gold.counts")
    assert [cause["kind"] for cause in found["causes"]] == ["upstream"]
    assert found["next"]["mode"] == "full"
    assert "SQL flow" in found["next"]["reason"]


def test_why_it_would_start_over(made):
    text = words.FLOWS.replace("pc.utf8_upper(text)", "pc.utf8_lower(text)")
    made.module("flows", text)
    found = explain(made.lake().project, "silver.shouts")
    assert found["causes"] == [{"kind": "code", "detail": f"{made.package}.flows.loud changed"}]
    assert found["next"] == {"mode": "full", "reason": "its code changed", "changes": {}, **CHOSEN}


def test_a_flow_that_never_ran(project):
    words.write(project)
    found = explain(project.lake().project, "silver.shouts")
    assert (found["state"], found["last"], found["writes"]["version"]) == ("missing", None, None)
    assert found["reads"][0]["read"] is found["reads"][0]["now"] is None
    assert found["next"]["reason"] == "its table was never written"


def test_parameters_are_told_with_where_they_come_from(made):
    (made.root / "mixlake.yaml").write_text(
        (made.root / "mixlake.yaml").read_text() + "params:\n  silver.shouts: {mark: '?'}\n"
    )
    found = explain(made.lake().project, "silver.shouts")
    assert found["params"] == [{"name": "mark", "value": "?", "from": "mixlake.yaml"}]
    assert found["causes"] == [{"kind": "params", "detail": 'mark "!" -> "?"'}]
    found = explain(made.lake().project, "silver.shouts", {"silver.shouts": {"mark": "!"}})
    assert found["params"] == [{"name": "mark", "value": "!", "from": "--param"}]
    assert found["state"] == "fresh"


def test_one_flow_must_be_meant(made):
    lake = made.lake()
    assert explain(lake.project, "*.flows.cut")["writes"]["table"] == "silver.words"
    with pytest.raises(UsageError, match="means 2 flows"):
        explain(lake.project, "silver.*")
    with pytest.raises(TableNotFoundError) as raised:
        explain(lake.project, "silver.shout")
    assert "silver.shouts" in raised.value.hint
    with pytest.raises(TableNotFoundError, match=r"no flow writes ledger\.runs"):
        explain(lake.project, "ledger.runs")


def test_the_options_of_a_run_count_for_the_flow_alone(made):
    project = made.lake().project
    found = explain(project, "silver.shouts", full=True)
    assert (found["state"], found["causes"]) == ("stale", [{"kind": "forced", "detail": "--full"}])
    assert found["next"] == {"mode": "full", "reason": "--full was given", "changes": {}, **CHOSEN}
    words.leave_note(made, "silver.shouts", {"bronze.lines": 0}, has_quarantined=True)
    assert explain(project, "silver.shouts")["state"] == "fresh"
    found = explain(project, "silver.shouts", retry=True)
    assert [cause["kind"] for cause in found["causes"]] == ["quarantine_retry"]
    assert found["next"]["mode"] == "incremental"
    # What is upstream is not started over, but what it is about to write still counts.
    (made.root / "input.txt").write_text("d:new")
    found = explain(made.lake().project, "silver.shouts", full=True)
    assert [cause["kind"] for cause in found["causes"]] == ["forced", "upstream"]
