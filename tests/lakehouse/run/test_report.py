from __future__ import annotations

from lakehouse.delta.commit_note import CommitNote
from lakehouse.errors import FlowError
from lakehouse.run.report import FlowResult, Report

NOTE = CommitNote(
    run_id="r1", flow="f", kind="operator", mode="full", code="c", params="{}", contract="k", inputs={}, changed=True,
    counts={"rows": 3}, digest="d", reasons={"text is empty": 2},
)  # fmt: skip


def test_a_result_prints_what_was_committed():
    printed = FlowResult("f", "silver.x", "done", 7, NOTE, seconds=1.23456).as_dict()
    assert printed == {
        "flow": "f",
        "writes": "silver.x",
        "status": "done",
        "version": 7,
        "mode": "full",
        "counts": {"rows": 3},
        "quarantined": {"text is empty": 2},
        "seconds": 1.235,
        "error": None,
    }


def test_a_failure_has_no_version_and_its_error():
    printed = FlowResult("f", "silver.x", "failed", error=FlowError("it broke", "fix it")).as_dict()
    assert (printed["version"], printed["mode"], printed["counts"]) == (None, None, {})
    assert printed["error"] == "it broke — fix it"


def test_a_run_is_ok_if_every_flow_is_done_or_fresh():
    done, fresh, skipped = (FlowResult("f", "x", status) for status in ("done", "fresh", "skipped"))
    assert Report("r1", (done, fresh), 1.0).ok
    assert Report("r1", (), 1.0).ok
    assert not Report("r1", (done, skipped), 1.0).ok
    assert Report("r1", (done,), 1.0).as_dict()["flows"] == [done.as_dict()]
