from __future__ import annotations

import io
import logging
from dataclasses import replace

from rich.console import Console

from lakehouse.cli.progress import Progress, line
from lakehouse.delta.commit_note import CommitNote
from lakehouse.errors import FlowError
from lakehouse.run.report import FlowResult


def test_brackets_of_rows_in_an_error_are_shown_as_they_are():
    printed = io.StringIO()
    why = "2 of 3 rows were refused (for example text='[INST] hello [/INST][pad]')"
    with Progress(Console(file=printed, width=200)) as progress:
        progress.ended(FlowResult("acme.f", "silver.docs", "failed", error=FlowError(why, "fix it")))
    assert why in printed.getvalue()


def test_an_error_of_several_lines_is_one_line():
    assert line(FlowResult("acme.f", "silver.docs", "failed", error=FlowError("it broke\nat 3"))).endswith(
        "it broke at 3"
    )


def test_a_line_counts_changes_and_quarantined_rows():
    note = CommitNote(
        run_id="r1", flow="f", kind="operator", mode="full", code="c", params="{}", contract="k", inputs={},
        changed=True, counts={"rows": 1200, "inserted": 3, "updated": 0, "quarantined": 20}, digest="d",
    )  # fmt: skip
    printed = line(FlowResult("acme.f", "silver.docs", "done", 1, note, seconds=1.25))
    assert "1,200 rows  +3 " in printed
    assert "20 quarantined" in printed
    assert "no change" in line(FlowResult("acme.f", "silver.docs", "done", 1, replace(note, counts={"rows": 7})))


def test_a_flow_is_one_line_where_there_is_no_terminal():
    printed = io.StringIO()
    why = "the first line\nand a second one " + "of many words " * 20
    with Progress(Console(file=printed, soft_wrap=True, width=80)) as progress:
        logging.getLogger("mixlake.run").warning("a source was skipped: %s", "for many reasons " * 20)
        progress.ended(FlowResult("acme.f", "silver.docs", "failed", error=FlowError(why, "fix it")))
        progress.ended(FlowResult("acme.g", "silver.more", "skipped", error=FlowError("silver.docs failed")))
    lines = printed.getvalue().splitlines()
    assert [line.split()[1] for line in lines[-2:]] == ["silver.docs", "silver.more"]
    assert len(lines) == 3
