"""Rows that are taken back go, with all that was made from them, and stay away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.delta.append import append_rows
from lakehouse.errors import UsageError
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import load_retractions
from lakehouse.release.create import create_release
from lakehouse.retraction import search
from lakehouse.retraction.retract import RetractionRequest, retract
from lakehouse.run import run as running
from lakehouse.run.report import FlowResult
from tests.lakehouse.delta import pages
from tests.lakehouse.delta.pages import page
from tests.lakehouse.lakes import lake_at, note, rows, trained, write

ROWS = [
    page("alpha", "one good page", "MIT"),
    page("alpha", "a bad secret"),
    page("alpha", "shared words here"),
    page("beta", "shared words here", "CC-BY-4.0"),
    page("beta", "quite another text", "CC-BY-4.0 AND MIT"),
    page("gamma", "Shared  words, here", "Apache-2.0"),
    page("gamma", "alone it stands", "GPL-3.0-only"),
    page("gamma", ""),
]


NAMES = ("bronze.pages", "silver.texts", "silver.repeats", "gold.sequences")


def lines(project, name):
    return {row["text"] for row in project.rows(name)}


def rebuilt(project, rows, lake):
    """Digests of a lake that never saw the other rows."""
    pages.land(project, rows)
    project.run(*NAMES, lake=lake)
    found = pages.digests(project, lake, NAMES)
    pages.land(project, ROWS)
    return found


def test_a_source_goes_with_all_that_was_made_of_it_and_copies_from_elsewhere_return(project):
    pages.write(project, ROWS)
    project.run(*NAMES)
    lake = project.lake()
    before = {row["text"]: row for row in project.rows("silver.texts")}
    create_release(lake.project, "r1", ["gold.sequences"])
    sequences = project.rows("gold.sequences")
    step = {
        "training_run": "t",
        "release": "r1",
        "digest": "d",
        "stage": "all",
        "seed": 0,
        "at": datetime.now(UTC),
    }
    steps = [{**step, "step": i + 1, "begin": i, "end": i + 1, "positions": [i]} for i in range(len(sequences))]
    append_rows(lake.catalog, tables.training_steps, pa.Table.from_pylist(steps, schema=tables.training_steps.schema))

    tried = retract(lake.project, RetractionRequest("source", ["alpha"], reason="withdrawn"), dry_run=True)
    assert not load_retractions(lake.catalog).orders
    report = retract(lake.project, RetractionRequest("source", ["alpha"], reason="withdrawn"))
    assert report.order.matched == tried.order.matched
    assert report.order.matched["bronze.pages"] == 3
    assert report.order.releases == ("r1",)
    alpha = {row["sample_id"] for row in before.values() if row["source"] == "alpha"}
    holding = [row["position"] for row in sequences if alpha & set(row["parent_ids"])]
    assert [(s.training_run, s.release, s.steps) for s in report.seen] == [("t", "r1", len(holding))]

    states = {name: {c.kind for c in item.causes} for name, item in project.plan().items()}
    assert states["bronze.pages"] == {"retraction"}
    again = project.run(*NAMES)
    assert again["bronze.pages"].note.counts["deleted"] == 3
    assert again["silver.texts"].note.mode == "incremental"
    kept = [row for row in ROWS if row["source"] != "alpha"]
    assert pages.digests(project, names=NAMES) == rebuilt(project, kept, "without")
    assert "SHARED WORDS HERE!" in " ".join(lines(project, "gold.sequences"))
    aside = project.rows("ledger.quarantine")
    assert not [row for row in aside if row["row"] and "secret" in row["row"]]
    assert [row for row in aside if row["row"] and '"source":"gamma"' in row["row"]]
    assert {o.status for o in project.run(*NAMES).values()} == {"fresh"}
    # What is pinned is still there: only a purge takes it.
    assert lake.sql("SELECT count(*) AS n FROM gold.sequences", at="r1").to_pylist() == [{"n": len(sequences)}]

    # Landing it again lands nothing, and another's rows go on as before.
    pages.land(project, [*ROWS, page("alpha", "late page"), page("beta", "late text")])
    project.run(*NAMES)
    assert {row["source"] for row in project.rows("bronze.pages")} == {"beta", "gamma"}
    assert "LATE TEXT!" in lines(project, "silver.texts")


def test_an_id_takes_equal_content_and_verified_duplicates_along_for_good(project):
    pages.write(project, ROWS)
    project.run(*NAMES)
    wanted = next(row for row in ROWS if row["source"] == "alpha" and row["text"].startswith("shared"))
    report = retract(project.lake().project, RetractionRequest("id", [wanted["sample_id"]], reason="a person asked"))
    assert report.order.scope == "content"
    # Equal content from beta, and gamma's near duplicate, which the duplicates table names.
    assert report.order.matched["bronze.pages"] == 3
    project.run(*NAMES)
    kept = [row for row in ROWS if "shared" not in row["text"].lower()]
    assert pages.digests(project, names=NAMES) == rebuilt(project, kept, "without")
    pages.land(project, [*kept, page("delta", "SHARED words here"), page("delta", "something new")])
    project.run("bronze.pages")
    assert {row["text"] for row in project.rows("bronze.pages") if row["source"] == "delta"} == {"something new"}


def test_within_the_scope_of_its_origin_an_id_goes_alone_and_copies_come(project):
    pages.write(project, ROWS)
    project.run("bronze.pages")
    other = next(row for row in ROWS if row["text"] == "alone it stands")
    retract(project.lake().project, RetractionRequest("id", [other["sample_id"]], reason="a mistake", scope="origin"))
    pages.land(project, [*ROWS, page("delta", "alone it stands")])
    project.run("bronze.pages")
    assert {row["source"] for row in project.rows("bronze.pages") if row["text"] == "alone it stands"} == {"delta"}


def test_licences_addresses_and_rows_in_quarantine(project):
    pages.write(project, ROWS)
    project.run(*NAMES)
    lake = project.lake()
    report = retract(lake.project, RetractionRequest("license", ["CC-BY-4.0"], reason="terms changed"))
    assert report.order.matched["bronze.pages"] == 2  # also where it is joined to another
    retract(lake.project, RetractionRequest("uri", ["gamma:*words*"], reason="asked by the site"))
    # One that only lies in quarantine.
    bad = next(row for row in ROWS if "bad" in row["text"])
    retract(lake.project, RetractionRequest("id", [bad["sample_id"]], reason="private"))
    project.run(*NAMES)
    gone = {row["sample_id"] for row in ROWS if "CC-BY" in row["license"] or "Shared" in row["text"]} | {
        bad["sample_id"]
    }
    kept = [row for row in ROWS if row["sample_id"] not in gone]
    assert pages.digests(project, names=NAMES) == rebuilt(project, kept, "without")
    assert not [row for row in project.rows("ledger.quarantine") if row["row"] and "secret" in row["row"]]
    assert [order.ordinal for order in load_retractions(lake.catalog).orders] == [1, 2, 3]


def test_rows_committed_by_a_run_that_did_not_know_are_taken_out_by_the_next(project, monkeypatch):
    pages.write(project, ROWS)
    project.run("bronze.pages", "silver.texts")
    order = retract(project.lake().project, RetractionRequest("source", ["omega"], reason="never wanted"))
    assert not order.order.matched
    project.run("bronze.pages", "silver.texts")
    pages.land(project, [*ROWS, page("omega", "unwanted")])
    from lakehouse.ledger.retractions import Retractions
    from lakehouse.plan import table_state

    with monkeypatch.context() as patch:  # as a run that began before
        patch.setattr(table_state, "load_retractions", lambda lake: Retractions())
        project.run("bronze.pages", "silver.texts")
    assert "unwanted" in lines(project, "bronze.pages")
    project.run("bronze.pages", "silver.texts")
    assert not [
        name for name in ("bronze.pages", "silver.texts") if "unwanted" in " ".join(lines(project, name)).lower()
    ]


def test_an_id_that_no_table_holds_is_refused_later(tmp_path):
    lake = lake_at(tmp_path / "lake")
    trained(lake)
    report = retract(lake.project, RetractionRequest("id", ["ef" * 16], reason="asked"))
    assert report.recorded
    held = lake.sql("SELECT kind, id FROM ledger.retracted").to_pylist()
    assert {"kind": "sample", "id": "ef" * 16} in held


@pytest.mark.parametrize("wrong", ["aa" * 15, "AA" * 16, "none", "aa" * 16 + "/word"])
def test_what_can_be_no_id_is_refused_and_nothing_recorded(tmp_path, wrong):
    lake = lake_at(tmp_path / "lake")
    document, _ = trained(lake)
    with pytest.raises(UsageError, match=f"'{wrong}' is not a sample id — give each id whole: 32 hex digits"):
        retract(lake.project, RetractionRequest("id", [document, wrong], reason="asked"))
    assert not lake.catalog.has("ledger.retractions")
    write(lake, "silver.words", rows([document + "/word"]))  # a team's own ids may be others
    assert retract(
        lake.project, RetractionRequest("id", [document, wrong], reason="asked"), dry_run=True
    ).unmatched in ((wrong,), ())


def test_documents_that_the_shipped_pairs_call_near_duplicates_go_together(tmp_path):
    lake = lake_at(tmp_path / "lake")
    keeper, copy, other, alone = ("aa" * 16, "bb" * 16, "cc" * 16, "dd" * 16)
    landed = rows([keeper, copy, other, alone], content_id=pa.array(["k", "c", "o", "a"]))
    write(lake, "bronze.documents", landed, note("bronze.documents"))
    pairs = rows([copy, other], keeper_id=pa.array([keeper, keeper]))
    write(lake, "silver.document_duplicates", pairs, note("silver.document_duplicates"))
    for given in (keeper, copy):
        report = retract(lake.project, RetractionRequest("id", [given], reason="asked"), dry_run=True)
        assert report.order.matched == {"bronze.documents": 3, "silver.document_duplicates": 2}
        report = retract(lake.project, RetractionRequest("id", [given], reason="asked", scope="origin"), dry_run=True)
        assert report.order.matched["bronze.documents"] == 1
    # A document in which another one stands is no copy of it.
    assert {name for name, table in lake.registry.tables.items() if "keeper_id" in table} == {
        "silver.document_containments",
        *(name for name, table in lake.registry.tables.items() if "duplicates" in table.tags),
    }


def test_ids_are_kept_as_they_come_in_several_commits(tmp_path, monkeypatch):
    lake = lake_at(tmp_path / "lake")
    trained(lake)
    whole = retract(lake.project, RetractionRequest("source", ["src"], reason="asked", scope="content"))
    monkeypatch.setattr(search, "_IDS_ROWS", 2)
    parts = retract(lake.project, RetractionRequest("source", ["src"], reason="asked", scope="content"))
    first, second = (
        sorted(
            (row["kind"], row["id"])
            for row in lake.table("ledger.retracted").to_pylist()
            if row["retraction_id"] == report.order.retraction_id
        )
        for report in (whole, parts)
    )
    assert len(first) > 4
    assert first == second
    assert lake.catalog.open("ledger.retracted").version() > 2
    assert whole.seen == parts.seen != ()


def test_a_damaged_release_stops_no_order_and_is_reported_as_unresolved(tmp_path):
    lake = lake_at(tmp_path / "lake")
    document, _ = trained(lake)
    old = lake.catalog.open("gold.samples")
    write(lake, "gold.samples", lake.table("gold.samples"), note("gold.samples", "run-7"), mode="overwrite")
    for path in old.file_uris():
        Path(path).unlink()
    report = retract(lake.project, RetractionRequest("id", [document], reason="asked"))
    assert report.recorded
    assert {entry.split(":", 1)[0] for entry in report.unresolved} == {"release mix-1", "training on mix-1"}


def test_an_order_of_several_sources_is_refused(tmp_path):
    lake = lake_at(tmp_path / "lake")
    trained(lake)
    with pytest.raises(UsageError, match="takes one source"):
        retract(lake.project, RetractionRequest("source", ["a", "b"], reason="asked"))
    assert not lake.catalog.has("ledger.retractions")


def test_rows_that_an_uninformed_run_set_aside_are_looked_for_again(tmp_path):
    lake = lake_at(tmp_path / "lake")
    trained(lake)
    retract(lake.project, RetractionRequest("source", ["src"], reason="asked"))
    plan = lake.plan(["gold.vocabulary"])
    for known, late in ((0, True), (1, False)):
        aside = note("gold.samples", quarantine="attempt", retraction=known)
        outcome = FlowResult("flows.gold.samples", "gold.samples", "done", 1, aside)
        assert running._missed_retractions(lake.catalog, plan, [outcome]) is late


def test_two_orders_at_once_get_two_numbers(project):
    from threading import Barrier, Thread

    pages.write(project, ROWS)
    lake = project.lake()
    _ = lake.registry
    write(lake, "silver.words", rows(["aa" * 16]))
    start = Barrier(4)

    def order(name):
        start.wait()
        retract(lake.project, RetractionRequest("source", [name], reason="why"))

    threads = [Thread(target=order, args=(f"s{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    orders = load_retractions(lake.catalog).orders
    assert [o.ordinal for o in orders] == [1, 2, 3, 4]
    assert {o.value for o in orders} == {"s0", "s1", "s2", "s3"}
