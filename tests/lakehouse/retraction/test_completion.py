"""A lake in which one modality is empty: what is retracted is recorded as gone, purges end, releases are of one piece."""

from __future__ import annotations

import json
import logging
import shutil

import pyarrow as pa
import pytest

from lakehouse.cli.main import main
from lakehouse.ledger.retractions import APPLIED, ORDERED, PURGED, load_retractions
from lakehouse.release.create import create_release
from lakehouse.retraction.completion import Completion
from lakehouse.retraction.obstacles import Obstacle
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.lakehouse.delta import pages
from tests.lakehouse.delta.pages import page
from tests.lakehouse.lakes import rows, write
from tests.module_text import ModuleText

ROWS = [page("alpha", "one page"), page("alpha", "another page"), page("beta", "shared words", "CC-BY-4.0")]

# Pictures among the pages, of which there is none; what is made of them; and a shelf of both.
PICTURES = ModuleText("""
import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read
from PACKAGE.tables import LINEAGE, RUN, TEXT, pages

pictures = Table("bronze.pictures", doc="A picture.", columns=[*LINEAGE, TEXT, RUN], key=["sample_id"])
tints = Table("silver.tints", doc="A picture's colours.", columns=[*LINEAGE, TEXT, RUN], key=["sample_id"])
shelf = Table("gold.shelf", doc="A text or a picture.", columns=[*LINEAGE, TEXT, RUN], key=["sample_id"])
NAMES = [column.name for column in (*LINEAGE, TEXT)]


@flow(writes=pictures, reads={"pages": read(pages, where="text = 'a.png'")})
def land_pictures(batch, params):
    return batch.select(NAMES)


@flow(writes=tints, reads={"pictures": pictures})
def tint(batch, params):
    return batch.select(NAMES)
""")
SHELF = "-- Texts and pictures.\n-- dialect: portable\n" + " UNION ALL ".join(
    f"SELECT sample_id, parent_ids, source, license, text FROM {name}" for name in ("silver.texts", "silver.tints")
)
NAMES = ("bronze.pages", "bronze.pictures", "silver.texts", "silver.tints", "gold.shelf")


def states(project):
    return [(order.state, order.run_id) for order in load_retractions(project.lake().catalog).orders]


@pytest.fixture
def shelf(project):
    pages.write(project, ROWS)
    project.module("pictures", PICTURES)
    project.sql("gold.shelf", SHELF)
    project.run(*NAMES)
    return project


def retract_and_purge(project, caplog):
    order = retract(project.lake().project, RetractionRequest("source", ["alpha"], "withdrawn", purge=True)).order
    assert (order.matched["bronze.pages"], order.derived) == (2, {})
    report = project.lake().run(NAMES)
    ran = {result.writes: result.status for result in report.results}
    # The pictures have looked at the new pages; what reads the pictures is up to date, and has committed nothing.
    assert (ran["bronze.pictures"], ran["silver.tints"]) == ("done", "fresh")
    assert [(done.blocked_by, bool(done.files)) for done in report.purges] == [("", True)]
    assert [str(done) for done in report.retractions] == [
        f"retraction 1 is carried out: {sum(order.matched.values())} rows of {len(order.matched)} tables are gone"
    ]
    assert report.ok
    (recorded,) = load_retractions(project.lake().catalog).orders
    assert (recorded.state, recorded.run_id, recorded.files) == (PURGED, report.run_id, report.purges[0].files)
    assert recorded.at > order.at
    # One piece: nothing is mixed, and what is fresh stays so.
    with caplog.at_level(logging.WARNING):
        create_release(project.lake().project, "mix-1")
    assert "mixed" not in caplog.text
    again = project.lake().run(NAMES)
    assert {result.status for result in again.results} == {"fresh"}
    assert (again.purges, again.retractions) == ((), ())


def test_a_purge_ends_where_a_modality_is_empty(shelf, caplog):
    retract_and_purge(shelf, caplog)


def test_a_purge_ends_where_a_modality_is_empty_on_spark(spark, shelf, caplog):
    retract_and_purge(shelf, caplog)


def test_an_order_tells_when_and_by_which_run_the_rows_went(shelf):
    lake = shelf.lake()
    retract(lake.project, RetractionRequest("source", ["alpha"], "withdrawn"))
    partial = shelf.lake().run(["bronze.pages"])
    assert partial.ok
    (waiting,) = partial.retractions
    assert str(waiting) == (
        "retraction 1 is not carried out yet: silver.texts is not up to date (input: bronze.pages 1 -> 2) \u2014 "
        "run it: mixlake run +bronze.pictures +gold.shelf +silver.texts"
    )
    assert waiting.as_dict()["applied"] is False
    assert states(shelf) == [(ORDERED, "")]
    report = shelf.lake().run(NAMES)
    assert states(shelf) == [(APPLIED, report.run_id)]
    found = lake.sql(
        "SELECT state, run_id, matched['gold.shelf'] AS n FROM ledger.retractions ORDER BY \"at\""
    ).to_pylist()
    assert found == [
        {"state": "ordered", "run_id": None, "n": 2},
        {"state": "applied", "run_id": report.run_id, "n": 2},
    ]


def test_a_table_that_no_flow_writes_is_searched_and_named(shelf, monkeypatch, capsys):
    lake = shelf.lake()
    write(lake, "own.copy", rows(["ab" * 16], source="alpha"))
    monkeypatch.chdir(shelf.root)
    retract(lake.project, RetractionRequest("source", ["alpha"], "withdrawn", purge=True))
    shelf.unload()
    assert main(["run", *NAMES]) == 1
    errors = capsys.readouterr().err
    assert "the purge of retraction 1 waits: own.copy still contains retracted rows — no declared flow writes" in errors
    assert f"delete {lake.catalog.table_uri('own.copy')}, then: mixlake run" in errors
    assert errors.count("retraction 1") == 1
    shelf.unload()
    assert main(["run", *NAMES, "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert (printed["ok"], printed["retractions"][0]["applied"], printed["purges"][0]["purged"]) == (
        False,
        False,
        False,
    )
    shutil.rmtree(lake.catalog.table_uri("own.copy"))
    report = shelf.lake().run(NAMES)
    assert [done.obstacle for done in report.retractions] == [None]
    assert [done.blocked_by for done in report.purges] == [""]


def test_rows_that_come_back_reopen_an_order(shelf, monkeypatch):
    from lakehouse.ledger.retractions import Retractions
    from lakehouse.plan import table_state

    retract(shelf.lake().project, RetractionRequest("source", ["alpha"], "withdrawn"))
    shelf.run(*NAMES)
    pages.land(shelf, [*ROWS, page("alpha", "late page")])
    with monkeypatch.context() as patch:
        patch.setattr(table_state, "load_retractions", lambda lake: Retractions())
        shelf.run("bronze.pages")
    report = shelf.lake().run(NAMES)
    assert states(shelf) == [(APPLIED, report.run_id)]
    recorded = pa.table(shelf.lake().sql('SELECT state FROM ledger.retractions ORDER BY "at"'))
    assert recorded["state"].to_pylist() == ["ordered", "applied", "ordered", "applied"]


def test_what_goes_wrong_while_orders_are_recorded_is_reported(shelf, monkeypatch):
    from lakehouse.retraction import completion

    def broken(*_):
        raise RuntimeError("no such thing")

    retract(shelf.lake().project, RetractionRequest("source", ["nothing"], "withdrawn"))
    with monkeypatch.context() as patch:
        patch.setattr(completion, "incomplete_flow", broken)
        report = shelf.lake().run(NAMES)
    assert [done.obstacle for done in report.retractions] == [
        Obstacle("RuntimeError: no such thing", "try again: mixlake run")
    ]
    (done,) = shelf.lake().run(NAMES).retractions
    assert str(done) == "retraction 1 is carried out: no table has rows that match"
    assert isinstance(done, Completion)
