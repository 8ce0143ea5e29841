from __future__ import annotations

import json
import os

import pytest

from lakehouse.cli.main import main
from tests.lakehouse import words

# Tests run on the engine that TEST_ENGINE names.
ENGINE = os.environ.get("TEST_ENGINE", "embedded")


@pytest.fixture
def lines(project):
    """A project whose lake is as one run left it."""
    return words.write_as_run(project)


def listed(printed):
    """Return the first words of each line below the heading and above the summary."""
    heading, *rows, _ = printed.splitlines()
    assert heading.split() == ["writes", "flow", "state", "because"]
    return [line.split() for line in rows]


def test_before_the_first_run_each_flow_is_missing_and_the_lake_is_not_made(call, project):
    words.write(project)
    printed = call("plan")
    assert {(row[0], row[2]) for row in listed(printed)} == {
        (table, "missing") for table in ("bronze.lines", "silver.words", "silver.shouts", "gold.counts")
    }
    assert "upstream" not in printed
    assert printed.splitlines()[-1] == "4 to run, 0 fresh"
    assert not (project.root / "lake").exists()


def test_fresh_flows_are_counted_and_listed_on_request(call, lines):
    assert call("plan") == "nothing to do, 4 fresh\n"
    assert {(row[0], row[2]) for row in listed(call("plan", "--all"))} == {
        (table, "fresh") for table in ("bronze.lines", "silver.words", "silver.shouts", "gold.counts")
    }


def test_each_kind_of_cause_has_a_line(call, lines):
    words.leave_note(lines, "bronze.lines")
    lines.module("flows", words.FLOWS.replace("pc.utf8_upper(text)", "pc.utf8_lower(text)"))
    lines.unload()
    first, second = listed(call("plan", "silver.shouts"))
    assert first[:1] + first[2:] == ["silver.shouts", "stale", "code:", f"{lines.package}.flows.loud", "changed"]
    assert second == ["input:", "bronze.lines", "0", "->", "1"]


def test_json_has_one_object_a_selected_flow(call, lines):
    words.leave_note(lines, "bronze.lines")
    found = {item["writes"]: item for item in json.loads(call("plan", "--json"))}
    assert found["silver.shouts"] == {
        "flow": f"{lines.package}.flows.shout",
        "writes": "silver.shouts",
        "state": "stale",
        "causes": [{"kind": "input", "detail": "bronze.lines 0 -> 1"}],
        "inputs": {"bronze.lines": 1},
        "engine": ENGINE,
        "engine_reason": f"engine: {ENGINE}",
        "problem": "",
        "last_seconds": 0.5,
        "last_rows": 2,
    }
    assert found["gold.counts"]["causes"] == [{"kind": "upstream", "detail": "silver.shouts is to be written"}]
    assert (found["bronze.lines"]["state"], found["bronze.lines"]["inputs"]) == ("fresh", {})
    assert (found["bronze.lines"]["engine"], found["bronze.lines"]["engine_reason"]) == ("", "")
    assert [item["writes"] for item in json.loads(call("plan", "gold.counts", "--json"))] == ["gold.counts"]


def test_an_empty_selection_is_said(call, lines):
    assert call("plan", "stale") == "no flow is selected\n"
    assert json.loads(call("plan", "stale", "--json")) == []


def test_inputs_of_different_ages_are_a_warning_on_standard_error(lines, capsys):
    words.leave_note(lines, "bronze.lines")
    words.leave_note(lines, "silver.words", {"bronze.lines": 1})
    lines.sql(
        "gold.counts", "SELECT size, count(*) AS n FROM silver.shouts JOIN silver.words USING (sample_id) GROUP BY 1"
    )
    words.leave_note(lines, "gold.counts", {"silver.shouts": 0, "silver.words": 1})
    assert main(["plan", "gold.counts"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "nothing to do, 1 fresh\n"
    assert printed.err == (
        "mixlake: warning: sql.gold.counts: silver.shouts and silver.words were made from different versions of "
        "bronze.lines\n"
    )


def test_a_parameter_of_no_flow_is_refused(call, lines):
    message = call("plan", "--param", "silver.shout.mark=?", status=2)
    assert "params name 'silver.shout', which is not a flow" in message
    assert "did you mean silver.shouts" in message
