"""A user's columns keep their values whatever they are called, and stop no retraction, trace, purge or release."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.lineage_columns import TYPES
from lakehouse.doctor import examine
from lakehouse.ledger.retractions import PURGED, load_retractions
from lakehouse.lineage.index.state import index_state
from lakehouse.lineage.trace import trace
from lakehouse.query.connection import connect
from lakehouse.query.lineage_columns import create_lineage_view
from lakehouse.query.quarantine import count_quarantined
from lakehouse.release.create import create_release
from lakehouse.release.diff import diff_releases
from lakehouse.release.verify import verify_release
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.lakehouse.lakes import lake_at, rows, write

ONE, TWO = "a1" * 16, "b2" * 16

# A table of samples, and for each type one in which all of mixlake's names are the user's: of the text type and of the
# list of texts their values are those that a retraction names.
TABLES = """
import datetime as dt
import decimal

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.lineage_columns import TYPES

S, I = pa.string(), pa.int64()
KINDS = {
    "texts": (S, "s"), "numbers": (I, 7), "floats": (pa.float64(), 0.5), "flags": (pa.bool_(), True), "bytes": (pa.binary(), b"s"),
    "structs": (pa.struct([("app", S)]), {"app": "s"}), "lists": (pa.list_(S), ["s", "ONE"]), "ints": (pa.list_(I), [7, None]),
    "maps": (pa.map_(S, S), [("s", "s")]), "days": (pa.date32(), dt.date(2024, 1, 31)),
    "times": (pa.timestamp("us", "UTC"), dt.datetime(2024, 1, 31, tzinfo=dt.UTC)), "decimals": (pa.decimal128(9, 2), decimal.Decimal("7.25")),
    "nested": (pa.list_(pa.list_(S)), [["s"]]), "pairs": (pa.list_(I, 2), [1, 2]),
}
VALUES = {"sample_id": "ONE", "source": "s", "license": "GPL-3.0", "uri": "u:/1", "content_id": "c1", "keeper_id": "ONE", "run_id": "mine"}


def value(kind, name):
    return VALUES.get(name, "s") if kind == "texts" else KINDS[kind][1]


def own(table, kind, key=("id",), **more):
    columns = [Column(name, KINDS[kind][0], "Mine.", lineage=False) for name in TYPES]
    checks = [Check("v is good", "v > 0", tolerance=1.0)]
    return Table(table, doc="Mine.", columns=[Column("id", I, "i"), *columns, Column("v", I, "v")], key=key, checks=checks, **more)


people = Table(
    "acme.people", doc="A sample.", key=["sample_id"],
    columns=[*(Column(name, kind, "mixlake's.", volatile=name == "run_id", lineage=True) for name, kind in TYPES.items() if name != "keeper_id"), Column("text", S, "Text.")],
    checks=[Check("it is not bad", "text <> 'bad'", tolerance=1.0)],
)
landed = {kind: own(f"acme.{kind}", kind, tags=["duplicates"]) for kind in CHOSEN}
copies = {kind: own(f"gold.{kind}", kind) for kind in COPIED}
# Keys of the user's that are called as mixlake's.
runs = Table("acme.runs", doc="Mine.", columns=[Column("run_id", S, "r", lineage=False), Column("count", I, "c"), Column("n", I, "n")], key=["run_id", "count", "n"])
labs = Table("acme.labs", doc="Mine.", columns=[Column("sample_id", I, "s"), Column("s", pa.struct([("sample_id", I)]), "s"), Column("v", I, "v")], key=["sample_id"])
"""
FLOWS = """
from pathlib import Path

import pyarrow as pa

from lakehouse.declare.flow import flow
from PACKAGE.tables import CHOSEN, COPIED, KINDS, TYPES, copies, labs, landed, people, runs, value

HERE = Path(__file__).parent.parent


def outside(params):
    return (HERE / "round.txt").read_text()


@flow(writes=people, kind="landing", external=outside)
def land(params):
    return pa.Table.from_pylist([
        {"sample_id": "ONE", "parent_ids": [], "source": "s", "license": "GPL-3.0", "uri": "u:/1", "content_id": "c1", "text": "quokka"},
        {"sample_id": "TWO", "parent_ids": [], "source": "t", "license": "MIT", "uri": "u:/2", "content_id": "c2", "text": "wombat"},
        {"sample_id": "ff" * 16, "parent_ids": ["ONE"], "source": "s", "license": "MIT", "uri": "u:/3", "content_id": "c3", "text": "bad"},
    ], pa.schema([*((name, TYPES[name]) for name in TYPES if name not in ("run_id", "keeper_id")), ("text", pa.string())]))


def own(kind):
    @flow(writes=landed[kind], kind="landing", external=outside, id=f"acme.land_{kind}")
    def land_own(params):
        row = {name: value(kind, name) for name in TYPES}
        given = [{"id": 1, **row, "v": 1}, {"id": 2, **row, "v": int(outside(params))}, {"id": 3, **row, "v": -1}]
        return pa.Table.from_pylist(given, pa.schema([("id", pa.int64()), *((name, KINDS[kind][0]) for name in TYPES), ("v", pa.int64())]))

    return land_own


def copy(kind):
    @flow(writes=copies[kind], reads={"rows": landed[kind]}, source_key="id", source_key_sql="id", id=f"acme.copy_{kind}")
    def copied(batch, params):
        return batch

    return copied


globals().update({f"land_{kind}": own(kind) for kind in CHOSEN} | {f"copy_{kind}": copy(kind) for kind in COPIED})


@flow(writes=runs, kind="landing", external=outside)
def land_runs(params):
    return pa.table({"run_id": ["tracker-1", "tracker-2"], "count": [1, 1], "n": [1, int(outside(params))]})


@flow(writes=labs, kind="landing", external=outside)
def land_labs(params):
    return pa.table({"sample_id": [1, 2], "s": [{"sample_id": 2}, {"sample_id": 1}], "v": [1, int(outside(params))]})
"""
COPIED = ("texts", "structs")
OTHERS = (
    "numbers",
    "lists",
    "floats",
    "flags",
    "bytes",
    "ints",
    "maps",
    "days",
    "times",
    "decimals",
    "nested",
    "pairs",
)


def ran(project):
    done = project.run()
    assert {name: result.error for name, result in done.items() if result.status not in {"done", "fresh"}} == {}
    return done


def own_rows(project, kinds):
    """The rows of users' tables, and how many of each are quarantined."""
    names = [*(f"acme.{kind}" for kind in kinds), *(f"gold.{kind}" for kind in COPIED)]
    quarantined = {row["table"]: row["rows"] for row in count_quarantined(project.lake().project)}
    return {name: project.rows(name) for name in (*names, "acme.runs", "acme.labs")}, quarantined


@pytest.mark.indexed
@pytest.mark.parametrize("engine", ["embedded", "spark"])
def test_users_columns_of_any_type_are_kept_and_are_in_nobodys_way(project, engine, request):
    kinds = COPIED if engine == "spark" else (*COPIED, *OTHERS)
    for name, text in (("tables", f"COPIED = {COPIED}\nCHOSEN = {kinds}\n{TABLES}"), ("flows", FLOWS)):
        project.module(name, text.replace('"ONE"', f'"{ONE}"').replace('"TWO"', f'"{TWO}"'))
    (project.root / "round.txt").write_text("5")
    ran(project)
    create_release(project.lake().project, "before")
    made, quarantined = own_rows(project, kinds)
    assert quarantined == {"acme.people": 1, **{f"acme.{kind}": 1 for kind in kinds}}
    for kind in kinds:
        assert len(made[f"acme.{kind}"]) == 2
    for kind in COPIED:
        assert made[f"gold.{kind}"] == made[f"acme.{kind}"]
    assert {row["run_id"] for row in made["acme.texts"]} == {"mine"}
    assert [row["run_id"] for row in made["acme.runs"]] == ["tracker-1", "tracker-2"]
    assert [row["source"] for row in made["acme.structs"]] == [{"app": "s"}, {"app": "s"}]

    lake = project.lake()
    assert {node.table for node in trace(lake.project, ONE).nodes} == {"acme.people"}
    assert set(index_state(lake.project).tables) == {"acme.people"}
    assert index_state(lake.project).current
    for request_ in (
        RetractionRequest("source", ["s"], "x"),
        RetractionRequest("license", ["GPL-3.0"], "x"),
        RetractionRequest("uri", ["u:/1"], "x", scope="content"),
        RetractionRequest("id", [ONE], "x", purge=True),
    ):
        report = retract(lake.project, request_)
        assert (report.order.matched, report.order.derived) == ({"acme.people": 1}, {})
    if engine == "spark":
        request.getfixturevalue("spark")
        project.use("spark")
    # What changed is processed alone, all else is compared with what is stored.
    (project.root / "round.txt").write_text("6")
    done = ran(project)
    assert done["gold.texts"].note.counts["updated"] == 1
    assert [order.state for order in load_retractions(lake.catalog).orders][-1] == PURGED
    assert [row["sample_id"] for row in project.rows("acme.people")] == [TWO]
    now, left = own_rows(project, kinds)
    assert left == {f"acme.{kind}": 1 for kind in kinds}
    changed = {
        name: [row | {"v": 6 if row.get("v") == 5 else row.get("v")} for row in was] for name, was in made.items()
    }
    for name in made.keys() - {"acme.runs"}:
        assert now[name] == sorted(changed[name], key=str)
    assert [row["n"] for row in now["acme.runs"]] == [1, 6]

    lake = project.lake()
    create_release(lake.project, "after")
    assert verify_release(lake.catalog, "after", deep=True) == []
    differing = {
        (item.table, item.status, item.changed) for item in diff_releases(lake.project, "before", "after").tables
    }
    assert differing == {(f"{layer}.{kind}", "changed", 1) for kind in COPIED for layer in ("acme", "gold")}
    assert [f for f in examine(lake.uri) if f.state == "broken" and f.name.startswith(("acme.", "gold."))] == []
    assert {result.status for result in ran(project).values()} == {"fresh"}
    project.use("embedded")
    full = project.run(full=True)
    assert {name for name, result in full.items() if result.note.changed} == set()


def test_a_table_without_a_contract_is_read_by_name_and_type(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "old.samples", rows([ONE, TWO], uri=pa.array([1, 2])))
    write(lake, "old.numbers", pa.table({"sample_id": [1], "source": ["src"]}))
    write(
        lake,
        "old.mixed",
        pa.table({"sample_id": [TWO], "source": [{"app": "x"}], "license": [b"MIT"], "parent_ids": [ONE]}),
    )
    write(
        lake,
        "old.views",
        pa.table(
            {
                "sample_id": pa.array(["c3" * 16], pa.large_string()),
                "parent_ids": pa.array([[ONE]], pa.large_list(pa.large_string())),
            }
        ),
    )
    with connect(lake.project) as connection:
        assert create_lineage_view(connection, tuple(TYPES)) == ("old.mixed", "old.samples", "old.views")
        found = connection.rows(
            'SELECT "table", source, license, uri, parent_ids FROM __lineage WHERE sample_id = $1 ORDER BY ALL', [TWO]
        )
    assert [tuple(row.values()) for row in found] == [
        ("old.mixed", None, None, None, None),
        ("old.samples", "src", "MIT", None, []),
    ]
    state = index_state(lake.project)
    assert set(state.tables) == {"old.mixed", "old.samples", "old.views"}
    assert state.columns["old.mixed"] == {"sample_id"}
    report = retract(lake.project, RetractionRequest("source", ["src"], "x"))
    assert (report.order.matched, report.order.derived) == ({"old.samples": 2, "old.mixed": 1}, {"old.views": 1})
