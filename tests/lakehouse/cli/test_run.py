from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from lakehouse.cli.main import main
from lakehouse.cli.run import _print_report
from lakehouse.errors import FlowError
from lakehouse.ledger.retractions import Retraction
from lakehouse.retraction.purge import Purge
from lakehouse.run.report import FlowResult, Report
from tests.lakehouse import words
from tests.lakehouse.lakes import note


def result(status, writes="silver.shouts", **fields):
    return FlowResult("flows.f", writes, status, **fields)


def test_a_run_with_nothing_stale_does_nothing(call, project):
    words.write_as_run(project)
    printed = call("run")
    assert printed.startswith("run ")
    assert ": nothing to do, 4 fresh, " in printed
    found = json.loads(call("run", "silver.*", "--json"))
    assert set(found) == {"run_id", "ok", "seconds", "session_seconds", "flows", "retractions", "purges"}
    assert (found["ok"], found["session_seconds"], found["purges"]) == (True, 0, [])
    assert {flow["writes"]: flow["status"] for flow in found["flows"]} == {
        "silver.shouts": "fresh",
        "silver.words": "fresh",
    }


def test_a_dry_run_prints_the_plan_and_writes_nothing(call, project):
    words.write(project)
    assert call("run", "+gold.counts", "--dry-run") == call("plan", "+gold.counts")
    assert json.loads(call("run", "--full", "--dry-run", "--json")) == json.loads(call("plan", "--full", "--json"))
    assert not (project.root / "lake").exists()


def test_a_failure_is_status_1_with_what_to_do(project, capsys):
    words.write(project)
    assert main(["run", "silver.shouts", "gold.counts"]) == 1
    printed = capsys.readouterr()
    assert ": 1 failed, 1 skipped, 0 fresh, " in printed.out
    (line,) = [line for line in printed.err.splitlines() if line.startswith("mixlake: ")]
    assert line == "mixlake: silver.shouts failed — run its flow too: mixlake run +silver.shouts"
    assert printed.err.count("reads bronze.lines, which was never written") == 1
    assert main(["run", "silver.shouts", "gold.counts", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["ok"]
    assert [flow["status"] for flow in found["flows"]] == ["failed", "skipped"]
    assert "mixlake run +silver.shouts" in found["flows"][0]["error"]


def test_a_selection_of_nothing_is_a_usage_error(call, project):
    words.write(project)
    assert "did you mean silver.shouts" in call("run", "silver.shout", status=2)


def test_a_report_counts_results_by_status(capsys):
    results = (result("done"), result("done"), result("fresh"), result("skipped", error=FlowError("x", "y")))
    _print_report(Report("r1", results, 12.34))
    assert capsys.readouterr() == ("run r1: 2 done, 1 skipped, 1 fresh, 12.3 s\n", "")


def test_quarantined_rows_are_listed_by_reason_most_first(capsys):
    of = note("silver.shouts", reasons={"too loud": 2, "too long": 1200})
    _print_report(Report("r1", (result("done", note=of),), 1.0))
    title, _, *rows, _ = capsys.readouterr().out.splitlines()
    assert title == "quarantined (mixlake quarantine explain TABLE shows the rows):"
    assert [line.split() for line in rows] == [
        ["silver.shouts", "1200", "too", "long"],
        ["silver.shouts", "2", "too", "loud"],
    ]


def test_what_to_do_is_printed_as_one_line_with_the_log_of_spark(capsys):
    failed = result("failed", error=FlowError("it broke\nat line 3", "fix it\nthere"))
    _print_report(Report("r1", (failed,), 1.0, log_file="_logs/spark.log"))
    assert (
        capsys.readouterr().err
        == "mixlake: silver.shouts failed — fix it there\nmixlake: Spark's log is in _logs/spark.log\n"
    )
    _print_report(Report("r1", (result("done"),), 1.0, log_file="_logs/spark.log"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("blocked_by", ["", "silver.pieces is not up to date"])
def test_a_purge_is_reported_and_one_that_waits_is_a_warning_and_no_success(capsys, blocked_by):
    order = Retraction(
        3, "r", "source", "alpha", "origin", "why", True, {}, {}, ("mix-1",), "ordered", datetime.now(UTC)
    )
    fix = "run it: mixlake run +silver.pieces" if blocked_by else ""
    report = Report("r1", (), 1.0, purges=(Purge(order, ("mix-1",), 2, 99, blocked_by, fix),))
    _print_report(report)
    assert report.ok is not bool(blocked_by)
    printed = capsys.readouterr()
    if blocked_by:
        assert printed.err == f"mixlake: the purge of retraction 3 waits: {blocked_by} \u2014 {fix}\n"
    else:
        assert "retraction 3 is purged: 2 files deleted, releases broken: mix-1\n" in printed.out
        assert printed.err == ""
