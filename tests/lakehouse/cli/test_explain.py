from __future__ import annotations

import json

import pytest

from tests.lakehouse import words


@pytest.fixture
def lines(project):
    """A project whose lake is as one run left it."""
    return words.write_as_run(project, reasons={"no text: b": 1}, seconds=2.0)


def test_a_stale_flow_is_explained_in_words_and_as_json(call, lines):
    words.leave_note(lines, "bronze.lines")
    printed = call("explain", "silver.shouts")
    for part in (
        "Shout a line.",
        "one row for each",
        "lines (drives)",
        "key: sample_id",
        "sorted by: size",
        "never null: sample_id",
        "mark  !      default",
        ".flows: loud, shout",
        "state: stale",
        "input: bronze.lines 0 -> 1",
        "over changes alone: bronze.lines version 1",
        "version 0, full in 2.0 s",
        "read 3 rows; 2 inserted, 2 rows after",
        "quarantined 1: no text: b",
        "read for: gold.counts",
    ):
        assert part in printed, printed
    words.leave_note(lines, "bronze.lines")
    assert "over changes alone: bronze.lines versions 1 to 2" in call("explain", "silver.shouts")
    assert json.loads(call("explain", "silver.shouts", "--json"))["next"]["changes"] == {"bronze.lines": [1, 2]}


def test_a_fresh_flow_has_nothing_to_do_until_a_run_is_forced(call, lines):
    assert call("explain", "silver.shouts").count("next run: nothing to do") == 1
    forced = call("explain", "silver.shouts", "--full")
    assert "forced: --full" in forced
    assert "next run: over all rows, since --full was given" in forced


def test_a_flow_that_reads_nothing_and_never_ran_is_explained(call, project):
    words.write(project)
    printed = call("explain", "bronze.lines")
    assert f"bronze.lines is written by {project.package}.flows.land: missing" in printed
    assert "reads nothing in the lake" in printed
    assert "writes bronze.lines, never written" in printed
    assert "check: text is not empty: length(text) > 0 (else quarantine, tolerance 0.5)" in printed
    assert "next run: over all rows, since its table was never written" in printed
    assert "last run" not in printed


def test_a_flow_in_sql_is_named_by_its_file(call, lines):
    printed = call("explain", "gold.counts")
    assert "a SQL flow" in printed
    assert "gold.counts.sql" in printed
    assert "key: size" in printed


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("silver.shout", 1, "did you mean silver.shouts"),
        ("ledger.runs", 1, "no flow writes ledger.runs"),
        ("silver.*", 2, "means 2 flows"),
    ],
)
def test_what_names_no_flow_or_several_is_one_line(call, lines, name, status, says):
    message = call("explain", name, status=status)
    assert says in message
    assert message.count("\n") == 1
