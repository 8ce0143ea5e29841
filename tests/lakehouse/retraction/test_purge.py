"""What is purged is nowhere: not in an old version, a change file, a log, the quarantine or a run's log."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from lakehouse.cli.main import main
from lakehouse.delta.append import append_rows
from lakehouse.errors import ReleaseError
from lakehouse.ledger import tables
from lakehouse.ledger.releases import drop_release, list_releases
from lakehouse.ledger.retractions import PURGED, Retractions, current, load_retractions
from lakehouse.plan import table_state
from lakehouse.release.create import create_release
from lakehouse.release.verify import verify_release
from lakehouse.retraction import purge
from lakehouse.retraction.remaining_rows import is_quarantined
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.lakehouse.delta import pages
from tests.lakehouse.delta.pages import page
from tests.lakehouse.killed import kill
from tests.lakehouse.lakes import lake_at, note, noted

# Each row has a word of its own, in its text and its address.
ROWS = [
    page("alpha", "quokka one good page"),
    page("alpha", "quokka bad to be set aside"),
    page("alpha", "quokka"),
    page("beta", "wombat shared words here", "CC-BY-4.0"),
    page("beta", "wombat quite another text", "CC-BY-4.0"),
    page("gamma", ""),
]
WORD = "quokka"
# Kept as it is, changed by row, cut into parts, and a count that names no row.
NAMES = ("bronze.pages", "silver.texts", "silver.pieces", "gold.counts")

NAMED = 'pc.binary_join_element_wise(parents, word, "/")'
HASHED = (
    "pa.array([hashlib.sha256(f'{parent}/{part}'.encode()).hexdigest()[:32] "
    "for parent, part in zip(parents.to_pylist(), word.to_pylist())], pa.string())"
)


def holding(lake, word):
    """The files of a lake that hold a word, whatever its case: bytes as they are, Parquet also decoded."""
    found = []
    for path in sorted(Path(lake.uri).rglob("*")):
        if not path.is_file():
            continue
        said = [path.read_bytes(), path.name.encode()]
        if path.suffix == ".parquet" and said[0].endswith(b"PAR1"):
            file = pq.ParquetFile(path)
            said.append(str(file.read().to_pylist()).encode())
            said.append(str((file.metadata.to_dict(), file.schema_arrow.metadata)).encode())
        if any(word.encode() in text.lower() for text in said):
            found.append(str(path.relative_to(lake.uri)))
    return found


def states(lake):
    return {release.name: release.state for release in list_releases(lake.catalog, dropped=True, broken=True)}


def whole(lake, name):
    return verify_release(lake.catalog, name, deep=True) == []


@pytest.mark.indexed
def test_what_is_purged_is_in_no_file_and_what_else_is_needed_stays(project, capsys, monkeypatch):
    monkeypatch.chdir(project.root)
    place = ["--lake", str(project.root / "lake")]
    later = [row for row in ROWS if row["source"] != "alpha"]
    pages.write(project, later)
    # Ids stay on record: as everywhere but in those tests that read them, they name a row and hold no text.
    project.module("flows", pages.FLOWS.replace(NAMED, HASHED))
    project.run(*NAMES)
    lake = project.lake()
    create_release(lake.project, "before")
    pages.land(project, ROWS)
    project.run(*NAMES)
    lake = project.lake()
    create_release(lake.project, "with")
    create_release(lake.project, "with-counts", ["gold.counts"])
    for name in ("bronze.pages", "ledger.quarantine"):
        lake.catalog.open(name).create_checkpoint()
    logs = Path(lake.uri, "_logs")
    logs.mkdir(exist_ok=True)
    (logs / "spark-old.log").write_text("failed at 'quokka one good page'\n")
    error = {"run": {"runId": "r", "facets": {"errorMessage": {"message": "quokka"}, "parent": {}}}}
    (logs / "openlineage-old.jsonl").write_text('{"run": {}}\n' + json.dumps(error) + "\n")
    old = holding(lake, WORD)
    parts = [Path(name).parts for name in old]
    # The search finds it in each of the places from which it has to go.
    assert {"bronze", "silver", "ledger", "_logs"} == {part[0] for part in parts}
    # Logs, checkpoints among them, never state values of other than key and clustering columns.
    assert not any("_delta_log" in name for name in old)

    # Ordered, said, and not done while a flow that would take rows out was not selected.
    project.unload()
    assert main([*place, "retract", "--source", "alpha", "--reason", "a court ordered it", "--purge"]) == 0
    printed = capsys.readouterr().out
    assert "breaks the releases with, with-counts" in printed
    assert [order.to_purge for order in load_retractions(lake.catalog).orders] == [True]
    report = project.lake().run(["bronze.pages", "silver.texts"])
    assert [done.blocked_by.split(" (")[0] for done in report.purges] == ["silver.pieces is not up to date"]
    assert states(lake) == {"before": "live", "with": "live", "with-counts": "live"}
    assert whole(lake, "with")

    # Killed when releases are broken and files are not deleted yet, and again amid deletions.
    kill(project, "lakehouse.retraction.purge:_delete", "before", 1, *NAMES)
    assert states(lake) == {"before": "live", "with": "broken", "with-counts": "broken"}
    assert any(part.endswith(".parquet") for part in holding(lake, WORD))
    kill(project, "lakehouse.retraction.purge:delete_files", "after", 3, *NAMES)
    assert load_retractions(lake.catalog).orders[0].to_purge
    report = project.lake().run(NAMES)
    assert {outcome.status for outcome in report.results} == {"fresh"}
    assert report.session_seconds == 0
    assert [(done.blocked_by, done.releases) for done in report.purges] == [("", ("with", "with-counts"))]
    lake = project.lake()
    assert holding(lake, WORD) == []
    assert [order.state for order in load_retractions(lake.catalog).orders] == [PURGED]
    assert (logs / "openlineage-old.jsonl").read_text().count("\n") == 2

    # All the rest is as it was.
    assert {item.state for item in project.plan(*NAMES).values()} == {"fresh"}
    assert whole(lake, "before")
    assert lake.sql("SELECT count(*) AS n FROM silver.texts", at="before").to_pylist() == [{"n": 2}]
    with pytest.raises(ReleaseError, match=r"with is broken: rows of it were purged \(retraction 1\)"):
        lake.sql("SELECT 1 FROM silver.texts", at="with")
    assert {row["source"] for row in project.rows("bronze.pages")} == {"beta"}
    assert [row["source"] for row in project.rows("gold.counts")] == ["beta"]
    for name in lake.catalog.names():
        assert lake.catalog.open(name).version() == lake.catalog.open(name).history(1)[0]["version"]
    assert project.lake().run(NAMES).purges == ()

    # A run that did not know brings rows back, and they go again.
    pages.land(project, [*later, page("alpha", "quokka again"), page("beta", "wombat more")])
    with monkeypatch.context() as patch:
        patch.setattr(table_state, "load_retractions", lambda lake: Retractions())
        project.run("bronze.pages")
    assert holding(project.lake(), WORD)
    report = project.lake().run(NAMES)
    assert [done.blocked_by for done in report.purges] == [""]
    assert holding(project.lake(), WORD) == []
    assert {row["text"] for row in project.rows("silver.texts")} == {
        row["text"].upper() + "!" for row in [*later[:2], page("beta", "wombat more")]
    }
    assert whole(project.lake(), "before")


SCHEMA = pa.schema(
    [("sample_id", pa.string()), ("parent_ids", pa.list_(pa.string())), ("source", pa.string()), ("text", pa.string())]
)


def land(lake, table, run, inputs=None, **rows):
    """Commit rows {id: (parents, source, text)} as a flow does; None takes a row out."""
    properties = noted(note(table, run, inputs=inputs or {}))
    new = [{"sample_id": i, "parent_ids": r[0], "source": r[1], "text": r[2]} for i, r in rows.items() if r]
    if new:
        feed = {"delta.enableChangeDataFeed": "true", "delta.dataSkippingStatsColumns": "sample_id"}
        made = pa.Table.from_pylist(new, schema=SCHEMA)
        write_deltalake(
            lake.catalog.table_uri(table), made, mode="append", commit_properties=properties, configuration=feed
        )
    for gone in [i for i, row in rows.items() if not row]:
        lake.catalog.open(table).delete(f"sample_id = '{gone}'", commit_properties=properties)


def purged(lake):
    """Purge where nothing is left for Spark; return what blocks each order, empty where it is done."""
    nothing = lambda: None  # noqa: E731
    return [done.blocked_by for done in purge.purge(lake.project, "r1", sync=nothing, clean=nothing)]


def test_a_purge_is_blocked_by_whoever_needs_the_rows(tmp_path):
    lake = lake_at(tmp_path / "lake")
    land(lake, "bronze.a", "r1", b=([], "beta", "wombat"))
    land(lake, "silver.b", "r1", {"bronze.a": 0}, b1=(["b"], "beta", "wombat up"))
    create_release(lake.project, "before", ["silver.b"])
    land(lake, "bronze.a", "r2", a=([], "alpha", "quokka"), v=([], "alpha", "quokka too"))
    # Made from rows of two sources: known by its parents alone.
    land(lake, "silver.b", "r2", {"bronze.a": 1}, a1=(["a", "b"], "mixed", "quokka up"))
    write_deltalake(
        lake.catalog.table_uri("gold.c"),
        pa.table({"text": ["quokka up"]}),
        configuration={"delta.dataSkippingStatsColumns": ""},
        commit_properties=noted(note("gold.c", inputs={"silver.b": 1})),
    )
    create_release(lake.project, "with", ["gold.c"])
    aside = {
        "attempt": "t",
        "flow": "f",
        "table": "silver.b",
        "reason": "bad: quokka",
        "row": '{"source":"alpha","text":"quokka"}',
    }
    missing = dict.fromkeys({column.name for column in tables.quarantine.columns} - set(aside))
    append_rows(
        lake.catalog, tables.quarantine, pa.Table.from_pylist([{**aside, **missing}], schema=tables.quarantine.schema)
    )
    assert retract(
        lake.project, RetractionRequest("source", ["alpha"], reason="withdrawn", purge=True)
    ).order.releases == ("with",)
    assert is_quarantined(lake.project, load_retractions(lake.catalog).orders[0])
    lake.catalog.open("ledger.quarantine").delete("attempt = 't'")

    assert purged(lake) == ["bronze.a still contains retracted rows"]
    land(lake, "bronze.a", "r3", a=None, v=None)
    assert purged(lake) == ["silver.b still contains retracted rows"]
    land(lake, "silver.b", "r3", {"bronze.a": 3}, a1=None)
    # A table of somebody else's that names no row: it was made from a version that holds them, and reads on from there.
    blocked_by = purged(lake)[0]
    assert blocked_by.startswith(
        "older versions that may contain retracted rows are required: bronze.a@1 (silver.b@1 was made from it); "
    )
    assert "silver.b@1 (gold.c@0 was made from it, gold.c reads on from 1)" in blocked_by
    assert states(lake) == {"before": "live", "with": "live"}
    write_deltalake(
        lake.catalog.table_uri("gold.c"),
        pa.table({"text": ["wombat up"]}),
        mode="overwrite",
        commit_properties=noted(note("gold.c", "r3", inputs={"silver.b": 2})),
    )
    assert {name.split("/_")[0].split("/part")[0] for name in holding(lake, WORD)} == {
        "bronze/a",
        "silver/b",
        "gold/c",
        "ledger/quarantine",
    }
    # What Spark leaves of a commit that adds no row stands against nothing; one that may hold rows does.
    empty = Path(lake.catalog.table_uri("silver.b"), "part-00000-empty.snappy.parquet")
    pq.write_table(SCHEMA.empty_table(), empty)
    left = Path(lake.catalog.table_uri("silver.b"), "part-00000-left.snappy.parquet")
    left.write_bytes(b"half a file")
    assert purged(lake)[0].startswith("silver.b has files younger than 168 hours")
    left.unlink()
    assert purged(lake) == [""]
    assert empty.exists()
    assert holding(lake, WORD) == []
    assert states(lake) == {"before": "live", "with": "broken"}
    assert whole(lake, "before")
    assert [
        lake.sql(f"SELECT count(*) AS n FROM {name}").to_pylist() for name in ("bronze.a", "silver.b", "gold.c")
    ] == [[{"n": 1}]] * 3
    assert purged(lake) == []


def test_a_purge_is_blocked_where_a_log_states_values_of_other_columns_than_the_key(tmp_path):
    lake = lake_at(tmp_path / "lake")
    rows = [("a", [], "alpha", "quokka"), ("b", [], "beta", "wombat")]
    made = pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)
    write_deltalake(lake.catalog.table_uri("bronze.a"), made, commit_properties=noted(note("bronze.a")))
    assert any("_delta_log" in name for name in holding(lake, WORD))
    retract(lake.project, RetractionRequest("source", ["alpha"], reason="withdrawn", purge=True))
    land(lake, "bronze.a", "r2", a=None)
    create_release(lake.project, "mix-1", ["bronze.a"])
    (blocked_by,) = purged(lake)
    assert blocked_by.startswith("the log of bronze.a states values of sample_id, source, text")
    assert whole(lake, "mix-1")
    assert load_retractions(lake.catalog).orders[0].to_purge
    # Written again, as the line says.
    drop_release(lake.catalog, "mix-1")
    shutil.rmtree(lake.catalog.table_uri("bronze.a"))
    land(lake, "bronze.a", "r3", b=([], "beta", "wombat"))
    assert purged(lake) == [""]
    assert holding(lake, WORD) == []


@pytest.mark.indexed
def test_files_that_no_commit_names_and_releases_made_meanwhile(project, monkeypatch, capsys):
    pages.write(project, ROWS)
    project.run("bronze.pages", "silver.texts")
    lake = project.lake()
    wanted = next(row for row in ROWS if row["text"] == "quokka one good page")
    retract(lake.project, RetractionRequest("id", [wanted["sample_id"]], reason="a person asked"))
    project.run("bronze.pages", "silver.texts")
    # A later order purges what an earlier one took out.
    assert (
        retract(
            project.lake().project, RetractionRequest("id", [wanted["sample_id"]], reason="again", purge=True)
        ).order.matched
        == {}
    )
    left = Path(lake.catalog.table_uri("bronze.pages"), "part-00000-left.snappy.parquet")
    left.write_bytes(b"half a file of one good page")
    looked = purge._plan_purge

    def meanwhile(planned, order):
        """Let a release be made between planning and deleting."""
        found = looked(planned, order)
        if "late" not in states(planned):
            create_release(planned, "late", ["silver.texts"])
        return found

    monkeypatch.setattr(purge, "_plan_purge", meanwhile)
    monkeypatch.chdir(project.root)
    project.unload()
    assert main(["--lake", lake.uri, "run", "bronze.pages", "silver.texts"]) == 1
    errors = capsys.readouterr().err
    assert "the purge of retraction 2 waits: bronze.pages has files younger than 168 hours" in errors
    assert "mixlake vacuum --retention-hours 0 && mixlake run" in errors
    assert holding(lake, "one good page") == ["bronze/pages/part-00000-left.snappy.parquet"]
    assert whole(lake, "late")
    os.utime(left, (0, 0))
    assert [done.blocked_by for done in project.lake().run(["bronze.pages", "silver.texts"]).purges] == [""]
    assert holding(lake, "one good page") == []
    assert holding(lake, "bad to be set aside")
    assert whole(lake, "late")
    assert current(lake.catalog, load_retractions(lake.catalog).orders[1]).state == PURGED
