"""What is purged is nowhere: not in an old version, a change file, a log, the quarantine or a run's log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lakehouse import plan, purge
from lakehouse.cli.main import main
from lakehouse.errors import ReleaseError
from lakehouse.orders import now
from lakehouse.release import create_release, list_releases
from lakehouse.retraction import PURGED, Retractions, load_retractions, retract
from lakehouse.verify import verify_release
from tests.lakehouse import pages
from tests.lakehouse.pages import page

KILLED = Path(__file__).with_name("killed.py")
# Each row has a word of its own; the table keeps statistics of the address.
ROWS = [
    page("alpha", "quokka one good page"),
    page("alpha", "quokka bad to be set aside"),
    page("alpha", "quokka"),
    page("beta", "wombat shared words here", "CC-BY-4.0"),
    page("beta", "wombat quite another text", "CC-BY-4.0"),
    page("gamma", ""),
]
WORD = "quokka"


def holding(lake, word):
    """The files of a lake that hold a word, whatever its case: bytes as they are, Parquet also decoded."""
    found = []
    for path in sorted(Path(lake.uri).rglob("*")):
        if not path.is_file():
            continue
        said = [path.read_bytes(), path.name.encode()]
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            said.append(str(file.read().to_pylist()).encode())
            for group in range(file.metadata.num_row_groups):
                said.append(str(file.metadata.row_group(group).to_dict()).encode())
            said.append(str(file.schema_arrow.metadata).encode())
        if any(word.encode() in text.lower() for text in said):
            found.append(str(path.relative_to(lake.uri)))
    return found


def killed(project, where, when="before", number=1):
    ended = subprocess.run(
        [sys.executable, str(KILLED), str(project.root), where, when, str(number)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=project.root,
    )
    assert ended.returncode == -9, ended.stderr[-2000:]


def states(lake):
    return {release.name: release.state for release in list_releases(lake, dropped=True, broken=True)}


def whole(lake, name):
    return verify_release(lake, name, deep=True) == []


@pytest.mark.usefixtures("spark")
def test_what_is_purged_is_in_no_file_and_what_else_is_needed_stays(project, capsys, monkeypatch):
    monkeypatch.chdir(project.root)
    place = ["--lake", str(project.root / "lake")]
    later = [row for row in ROWS if row["source"] != "alpha"]
    pages.write(project, later)
    project.run()
    lake = project.lake()
    create_release(lake, "before")
    pages.land(project, ROWS)
    project.run()
    lake = project.lake()
    create_release(lake, "with")
    create_release(lake, "with-counts", ["gold.counts"])
    for name in ("bronze.pages", "ledger.quarantine"):
        lake.open(name).create_checkpoint()
    logs = Path(lake.uri, "_logs")
    logs.mkdir(exist_ok=True)
    (logs / "spark-old.log").write_text("failed at 'quokka one good page'\n")
    error = {"run": {"runId": "r", "facets": {"errorMessage": {"message": "quokka"}, "parent": {}}}}
    (logs / "openlineage-old.jsonl").write_text('{"run": {}}\n' + json.dumps(error) + "\n")
    old = holding(lake, WORD)
    parts = [Path(name).parts for name in old]
    # The search finds it in each of the places from which it has to go.
    assert {part[2] for part in parts if len(part) > 3} >= {"_delta_log"}
    assert {"bronze", "silver", "gold", "ledger", "_logs"} == {part[0] for part in parts}
    assert any(name.endswith(".json") and "_delta_log" in name for name in old)
    assert any("checkpoint" in name for name in old)

    # Ordered, said, and not done while a flow that would take rows out was not selected.
    project.forget()
    assert main([*place, "retract", "--source", "alpha", "--reason", "a court ordered it", "--purge"]) == 0
    told = capsys.readouterr().out
    assert "breaks the releases with, with-counts" in told
    assert [order.to_purge for order in load_retractions(lake).orders] == [True]
    report = project.lake().run(["bronze.pages", "silver.texts"])
    assert [done.waits.split(" (")[0] for done in report.purges] == ["silver.repeats is not up to date"]
    assert states(lake) == {"before": "live", "with": "live", "with-counts": "live"}
    assert whole(lake, "with")

    # Killed when releases are broken and files are not deleted yet, and again amid deletions.
    killed(project, "lakehouse.purge:_delete")
    assert states(lake) == {"before": "live", "with": "broken", "with-counts": "broken"}
    assert any(part.endswith(".parquet") for part in holding(lake, WORD))
    killed(project, "lakehouse.purge:delete_files", "after", 3)
    assert load_retractions(lake).orders[0].to_purge
    report = project.lake().run()
    assert {outcome.status for outcome in report.outcomes} == {"fresh"}
    assert report.session_seconds == 0
    assert [(done.waits, done.releases) for done in report.purges] == [("", ("with", "with-counts"))]
    lake = project.lake()
    assert holding(lake, WORD) == []
    assert [order.state for order in load_retractions(lake).orders] == [PURGED]
    assert (logs / "openlineage-old.jsonl").read_text().count("\n") == 2

    # All the rest is as it was.
    assert {item.state for item in project.plan().values()} == {"fresh"}
    assert whole(lake, "before")
    assert lake.sql("SELECT count(*) AS n FROM silver.texts", at="before").to_pylist() == [{"n": 2}]
    with pytest.raises(ReleaseError, match=r"with is broken: rows of it were purged \(retraction 1\)"):
        lake.sql("SELECT 1 FROM silver.texts", at="with")
    assert {row["source"] for row in project.rows("bronze.pages")} == {"beta"}
    assert [row["source"] for row in project.rows("gold.counts")] == ["beta"]
    for name in lake.names():
        assert lake.open(name).version() == lake.open(name).history(1)[0]["version"]
    assert project.lake().run().purges == ()

    # Spark goes on from logs that were rewritten; a run that did not know brings rows back, and they go again.
    pages.land(project, [*later, page("alpha", "quokka again"), page("beta", "wombat more")])
    with monkeypatch.context() as patch:
        patch.setattr(plan, "load_retractions", lambda lake: Retractions())
        project.run("bronze.pages")
    assert holding(project.lake(), WORD)
    report = project.lake().run()
    assert [done.waits for done in report.purges] == [""]
    assert holding(project.lake(), WORD) == []
    assert {row["text"] for row in project.rows("silver.texts")} == {
        row["text"].upper() + "!" for row in [*later[:2], page("beta", "wombat more")]
    }
    assert whole(project.lake(), "before")


@pytest.mark.usefixtures("spark")
def test_files_that_no_commit_names_and_releases_made_meanwhile(project, monkeypatch, capsys):
    pages.write(project, ROWS)
    project.run("bronze.pages", "silver.texts")
    lake = project.lake()
    wanted = next(row for row in ROWS if row["text"] == "quokka one good page")
    retract(lake, "id", [wanted["sample_id"]], reason="a person asked")
    project.run("bronze.pages", "silver.texts")
    # A later order purges what an earlier one took out.
    assert retract(project.lake(), "id", [wanted["sample_id"]], reason="again", purge=True).order.matched == {}
    left = Path(lake.table_uri("bronze.pages"), "part-00000-left.snappy.parquet")
    left.write_bytes(b"half a file of one good page")
    looked = purge._look

    def meanwhile(lake, order):
        """Let a release be made between looking and deleting."""
        found = looked(lake, order)
        if "late" not in states(lake):
            create_release(lake, "late", ["silver.texts"])
        return found

    monkeypatch.setattr(purge, "_look", meanwhile)
    monkeypatch.chdir(project.root)
    project.forget()
    assert main(["--lake", lake.uri, "run", "bronze.pages", "silver.texts"]) == 0
    assert "the purge of retraction 2 waits: bronze.pages has files younger than 168 hours" in capsys.readouterr().err
    assert holding(lake, "one good page") == ["bronze/pages/part-00000-left.snappy.parquet"]
    assert whole(lake, "late")
    os.utime(left, (0, 0))
    assert [done.waits for done in project.lake().run(["bronze.pages", "silver.texts"]).purges] == [""]
    assert holding(lake, "one good page") == []
    assert holding(lake, "bad to be set aside")
    assert whole(lake, "late")
    assert now(lake, load_retractions(lake).orders[1]).state == PURGED
