"""Quarantined rows are listed, explained, retried, and forgotten once they are fixed."""

from __future__ import annotations

import json

from lakehouse.cli.main import main
from lakehouse.query.quarantine import count_quarantined, quarantined_rows
from tests.lakehouse.delta import pages
from tests.lakehouse.delta.pages import page

ROWS = [page("a", "good one"), page("a", "bad one"), page("b", "bad two"), page("b", "")]
NAMES = ("bronze.pages", "silver.texts")
# What the operator looks at beside its rows: no part of its code, params or models.
OUTSIDE = 'pc.match_substring(batch["text"], (INPUT.parent / "bad.txt").read_text())'


def test_rows_set_aside_are_explained_retried_and_then_gone(project, capsys, monkeypatch):
    project.module("tables", pages.TABLES)
    project.module("flows", pages.FLOWS.replace('pc.match_substring(batch["text"], "bad")', OUTSIDE))
    (project.root / "bad.txt").write_text("bad")
    pages.land(project, ROWS)
    project.run(*NAMES)
    lake = project.lake()
    counts = {(row["table"], row["reason"]): row["rows"] for row in count_quarantined(lake.project)}
    assert counts == {("silver.texts", "a bad word"): 2, ("bronze.pages", "text is not empty"): 1}
    shown = quarantined_rows(lake.project, "silver.texts")
    assert {json.loads(row["row"])["text"] for row in shown} == {"BAD ONE!", "BAD TWO!"}
    assert {row["origin"] for row in shown} == {ROWS[1]["sample_id"], ROWS[2]["sample_id"]}

    monkeypatch.chdir(project.root)
    project.unload()
    assert main(["quarantine", "explain", "silver.texts", "--lake", lake.uri]) == 0
    out = capsys.readouterr().out
    assert "a reason of the flow's own" in out
    assert "mixlake quarantine retry silver.texts" in out
    assert main(["quarantine", "explain", "bronze.pages", "--lake", lake.uri]) == 0
    assert "length(text) > 0" in capsys.readouterr().out
    assert main(["quarantine", "explain", "bronze.nothing", "--lake", lake.uri]) == 1

    # One of the two is mended outside the code: it comes back, the other stays aside.
    (project.root / "bad.txt").write_text("bad two")
    assert {o.status for o in project.run(*NAMES).values()} == {"fresh"}
    again = project.run("silver.texts", retry=True)
    assert again["silver.texts"].note.counts["read"] == 2
    assert (again["silver.texts"].note.counts["inserted"], again["silver.texts"].note.mode) == (1, "incremental")
    assert {row["text"] for row in project.rows("silver.texts")} == {"GOOD ONE!", "BAD ONE!"}
    assert [(row["table"], row["rows"]) for row in count_quarantined(lake.project, "silver.texts")] == [
        ("silver.texts", 1)
    ]
    assert {json.loads(row["row"])["text"] for row in quarantined_rows(lake.project, "silver.texts")} == {"BAD TWO!"}

    # A changed driving row is processed again, and what was aside of it is forgotten.
    changed = [{**row, "text": "now good"} if row["text"] == "bad two" else row for row in ROWS]
    pages.land(project, changed)
    project.run(*NAMES)
    assert count_quarantined(lake.project, "silver.texts") == []
    assert main(["quarantine", "list", "--lake", lake.uri, "--json"]) == 0
    assert [row["table"] for row in json.loads(capsys.readouterr().out)] == ["bronze.pages"]
    assert {o.status for o in project.run(*NAMES, retry=True).values()} <= {"done", "fresh"}
