from __future__ import annotations

import json
import shutil

import pytest

from tests.lakehouse import words
from tests.lakehouse.lakes import quarantine


@pytest.fixture
def lines(project):
    """A project as one run left it, with quarantined rows of two tables."""
    words.write_as_run(project, quarantine="one", has_quarantined=True)
    words.leave_note(project, "bronze.lines", quarantine="two", has_quarantined=True)
    lake = project.lake()
    loud = [("a", f"too loud: {n} marks", {"sample_id": f"a{n}", "text": "!" * n}) for n in range(4)]
    quarantine(lake, "silver.shouts", "one", *loud, ("b", "column sample_id is null", {"text": "B"}))
    quarantine(lake, "bronze.lines", "two", (None, "text is not empty", {"sample_id": "c", "text": ""}))
    return project


def test_quarantined_rows_are_counted_by_table_and_reason(call, lines):
    heading, *rows = call("quarantine", "list").splitlines()
    assert heading.split() == ["table", "rows", "reason", "flow", "last"]
    assert rows[0].split()[:4] == ["silver.shouts", "4", "too", "loud"]
    assert len(rows) == 3
    (found,) = json.loads(call("quarantine", "list", "bronze.lines", "--json"))
    assert set(found) == {"table", "flow", "reason", "rows", "first", "last"}
    assert (found["table"], found["reason"], found["rows"]) == ("bronze.lines", "text is not empty", 1)


def test_an_empty_lake_and_a_table_without_any_have_none(call, project, lines):
    assert call("quarantine", "list", "silver.words") == "no row is quarantined\n"
    assert call("quarantine", "list", "--lake", str(project.root / "other")) == "no row is quarantined\n"
    assert json.loads(call("quarantine", "list", "--lake", str(project.root / "other"), "--json")) == []


def test_rows_are_explained_by_their_rule_and_origin_and_the_way_back(call, lines):
    printed = call("quarantine", "explain", "bronze.lines")
    assert (
        "text is not empty\n  rule    check of bronze.lines: length(text) > 0\n  values  text ''\n  origin  not known"
        in printed
    )
    assert "mixlake quarantine retry bronze.lines" in printed
    printed = call("quarantine", "explain", "silver.shouts")
    assert "rule    a column that silver.shouts requires" in printed
    assert "rule    a reason of the flow's own" in printed
    assert printed.count("too loud") == 3
    assert f"{lines.package}.flows.shout" in printed


def test_json_has_the_rule_of_each_row(call, lines):
    found = json.loads(call("quarantine", "explain", "silver.shouts", "--reason", "column", "--json"))
    assert [(row["reason"], row["origin"], json.loads(row["row"])) for row in found] == [
        ("column sample_id is null", "b", {"text": "B"})
    ]
    assert found[0]["rule"] == "a column that silver.shouts requires"
    assert len(json.loads(call("quarantine", "explain", "silver.shouts", "--limit", "1", "--json"))) == 2


def test_where_none_is_quarantined_explain_says_so(call, lines, project):
    assert call("quarantine", "explain", "silver.words") == "no row of silver.words is quarantined\n"
    printed = call("quarantine", "explain", "silver.shouts", "--reason", "quiet")
    assert printed == "no row of silver.shouts is quarantined for a reason that begins with 'quiet'\n"
    never = ["quarantine", "explain", "silver.shouts", "--lake", str(project.root / "other")]
    assert call(*never) == "no row of silver.shouts is quarantined\n"
    assert json.loads(call(*never, "--json")) == []


def test_tables_that_no_flow_writes_are_refused(call, lines):
    assert "did you mean silver.shouts" in call("quarantine", "explain", "silver.shout", status=1)
    assert "mixlake plan --all lists" in call("quarantine", "explain", "nothing", status=1)
    assert "did you mean silver.shouts" in call("quarantine", "retry", "silver.shout", status=2)
    assert "TABLE" in call("quarantine", "retry", status=2)


def test_a_retry_without_quarantined_rows_has_nothing_to_do(call, project):
    words.write_as_run(project)
    assert "nothing to do, 1 fresh" in call("quarantine", "retry", "silver.shouts")
    found = json.loads(call("quarantine", "retry", "silver.shouts", "--json"))
    assert (found["ok"], [flow["status"] for flow in found["flows"]]) == (True, ["fresh"])


def test_a_retry_that_fails_is_status_1(call, lines):
    shutil.rmtree(lines.root / "lake" / "bronze")
    message = call("quarantine", "retry", "silver.shouts", status=1)
    assert "reads bronze.lines, which is gone" in message
    assert "mixlake: silver.shouts failed — run its flow too: mixlake run +silver.shouts" in message
