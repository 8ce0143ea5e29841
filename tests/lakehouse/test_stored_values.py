"""What a run stores is what its flows made: values that Delta changes are refused or quarantined before the write."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.delta.catalog import Catalog
from lakehouse.embedded import read_back as embedded_read_back
from lakehouse.engine.rules import LAST_DAY, LAST_MICROSECOND
from tests.module_text import ModuleText

FLOWS = ModuleText("""
import json
from pathlib import Path

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read

HERE = Path(__file__).parent.parent
I, S = pa.int64(), pa.string()
RUN = Column("run_id", S, "Run.", volatile=True, lineage=True)


def docs_of(name, nullable):
    columns = [Column("id", I, "i"), Column("lang", S, "l", nullable=nullable), Column("v", I, "v"), RUN]
    return Table(name, doc="A case.", key=["id"], partition_by=["lang"], columns=columns)


docs, loose = docs_of("p.docs", False), docs_of("p.loose", True)
copies = Table("p.copies", doc="A case.", key=["id"], columns=[Column(n, k, "c") for n, k in (("id", I), ("lang", S))])
times = Table(
    "p.times", doc="A case.", key=["id"],
    columns=[
        Column("id", I, "i"), Column("day", pa.date32(), "d"), Column("at", pa.timestamp("us", "UTC"), "a"),
        Column("spans", pa.list_(pa.struct([("begin", pa.timestamp("us"))])), "s"), RUN,
    ],
)


def outside(params):
    return (HERE / "input.json").read_text()


def landed():
    return pa.Table.from_pylist(json.loads(outside(None))["docs"], pa.schema([("id", I), ("lang", S), ("v", I)]))


@flow(writes=docs, kind="landing", external=outside, reject_tolerance=1.0)
def land_docs(params):
    return landed()


@flow(writes=loose, kind="landing", external=outside, reject_tolerance=1.0)
def land_loose(params):
    return landed()


@flow(writes=copies, reads={"docs": read(docs, where="lang <> 'en'")}, source_key="id", source_key_sql="id")
def copied(batch, params):
    return batch.select(["id", "lang"])


@flow(writes=times, kind="landing", external=outside, reject_tolerance=1.0)
def land_times(params):
    rows = json.loads(outside(None))["times"]
    raw = pa.schema([("id", I), ("day", pa.int32()), ("at", I), ("spans", pa.list_(pa.struct([("begin", I)])))])
    made = pa.Table.from_pylist(rows, raw)
    return made.cast(pa.schema([(name, times.column(name).type) for name in raw.names]))


def bad_text(*values):
    made = pa.array(values, pa.binary())
    return pa.Array.from_buffers(S, len(made), made.buffers())


place, tags = pa.struct([("name", S)]), pa.map_(pa.float64(), I)
odd = Table(
    "p.odd", doc="A case.", key=["id"], partition_by=["言語"],
    columns=[Column("id", S, "i"), Column("言語", S, "l"), Column("place", place, "p"),
             Column("names", pa.list_(S), "n"), Column("tags", tags, "t"), RUN],
    checks=[Check("long", "length(id) = 1 AND id <> 'f' AND id <> 'c' AND tags IS NOT NULL", tolerance=1.0)],
)


@flow(writes=odd, kind="landing", external=outside, reject_tolerance=1.0)
def land_odd(params):
    good = [(1.0, 1), (2.0, 2)]
    kept = [good] * 5 + [[(0.0, 1), (-0.0, 2)], [(float("nan"), 1), (float("nan"), 2)], good]
    return pa.table({
        "id": bad_text(b"a", b"\\xff", b"c", b"d", b"e", b"f", b"g", b"h"),
        "言語": bad_text(b"x" * 248, b"x", b"\\xff", b"x", b"x", b"x", b"x", b"x" * 249),
        "place": pa.StructArray.from_arrays(
            [bad_text(b"ok", b"ok", b"ok", b"\\xff", b"ok", b"no", b"ok", b"ok")], fields=list(place)
        ),
        "names": pa.ListArray.from_arrays(
            pa.array(range(9), pa.int32()), bad_text(*[b"n"] * 4, b"\\xe2\\x82", b"n", b"n", b"n")
        ),
        "tags": pa.array(kept, tags),
    })
""")
REASON = "column lang has a text that no partition holds"


@pytest.fixture(params=["embedded", "spark"])
def lake(request, project):
    """Return a function that lands some rows and runs some flows."""
    if request.param == "spark":
        request.getfixturevalue("spark")
    project.use(request.param)
    project.module("flows", FLOWS)

    def run(*select, docs=(), times=(), **options):
        body = {"docs": [dict(zip(("id", "lang", "v"), row, strict=True)) for row in docs], "times": list(times)}
        (project.root / "input.json").write_text(json.dumps(body))
        return project.run(*select, **options)

    run.project, run.engine = project, request.param
    return run


def quarantined(project):
    rows = Catalog(str(project.root / "lake")).open("ledger.quarantine").to_pyarrow_table().to_pylist()
    return sorted((row["table"], json.loads(row["row"]).get("id"), row["reason"]) for row in rows)


def values(project, name, *columns):
    return sorted((tuple(row[column] for column in columns) for row in project.rows(name)), key=str)


def test_texts_that_partitions_give_back_otherwise_are_quarantined(lake):
    given = [(1, "en", 7), (2, "", 7), (3, "__HIVE_DEFAULT_PARTITION__", 7), (4, " a/b=%20", 7), (5, "x" * 300, 7)]
    done = lake("p.docs", "p.loose", "p.copies", docs=given, verify=True)
    assert [str(outcome.error) for outcome in done.values()] == ["None"] * 3
    for name in ("p.docs", "p.loose"):
        assert values(lake.project, name, "id", "lang") == [(1, "en"), (4, " a/b=%20")]
    assert values(lake.project, "p.copies", "id", "lang") == [(4, " a/b=%20")]
    assert quarantined(lake.project) == sorted((name, n, REASON) for name in ("p.docs", "p.loose") for n in (2, 3, 5))
    # Nothing differs where all rows are made again, and a merge into partitions is read back whole.
    again = lake("p.docs", "p.loose", docs=given, full=True, verify=True)
    assert {outcome.note.changed for outcome in again.values()} == {False}
    later = lake("p.docs", "p.loose", docs=[(1, "de", 7), (4, "", 8), (6, "ä", 9)], verify=True)
    assert {outcome.status for outcome in later.values()} == {"done"}
    assert values(lake.project, "p.docs", "id", "lang") == [(1, "de"), (6, "ä")]


def test_a_null_is_null_in_a_partition_that_may_be_null(lake):
    done = lake("p.docs", "p.loose", docs=[(1, None, 7), (2, "en", 7)], verify=True)
    assert {outcome.status for outcome in done.values()} == {"done"}
    assert values(lake.project, "p.loose", "id", "lang") == [(1, None), (2, "en")]
    assert quarantined(lake.project) == [("p.docs", 1, "column lang is null")]


def test_times_outside_of_the_years_that_readers_know_are_quarantined(lake):
    ends = {"day": LAST_DAY, "at": LAST_MICROSECOND, "spans": [{"begin": LAST_MICROSECOND}, None]}
    given = [
        {"id": 1, **ends},
        {"id": 2, "day": LAST_DAY + 1},
        {"id": 3, "at": LAST_MICROSECOND + 1},
        {"id": 4, "spans": [{"begin": 0}, {"begin": LAST_MICROSECOND + 1}]},
        {"id": 5, "day": 0, "at": 0, "spans": []},
    ]
    done = lake("p.times", times=given, verify=True)["p.times"]
    assert str(done.error) == "None"
    assert values(lake.project, "p.times", "id") == [(1,), (5,)]
    assert [(n, reason.split(" ")[1]) for _, n, reason in quarantined(lake.project)] == [
        (2, "day"),
        (3, "at"),
        (4, "spans"),
    ]


def test_values_that_readers_disagree_on_are_quarantined(lake):
    done = lake("p.odd", verify=True)["p.odd"]
    assert str(done.error) == "None"
    assert values(lake.project, "p.odd", "id", "言語") == [("a", "x" * 248)]
    invalid, twice = "column {} has a text that is not valid UTF-8", "column tags has a map with a key twice"
    assert {n: reason for _, n, reason in quarantined(lake.project)} == {
        "\ufffd": invalid.format("id"),
        "c": invalid.format("言語"),
        "d": invalid.format("place.name"),
        "e": invalid.format("names[]"),
        # The check is not asked of a row that cannot be read.
        "f": twice,
        "g": twice,
        "h": "column 言語 has a text that no partition holds",
    }


@pytest.mark.parametrize("whole", [False, True])
def test_a_value_that_is_stored_otherwise_is_an_error_that_names_table_and_version(lake, monkeypatch, whole):
    """A writer changes a value, as a broken release of one would."""
    lake("p.loose", docs=[(1, "en", 7)])
    if lake.engine == "embedded":
        _let_embedded_write_otherwise(monkeypatch)
    else:
        _let_spark_write_otherwise(monkeypatch)
    outcome = lake("p.loose", docs=[(1, "en", 7), (2, "en", 8)], verify=whole)["p.loose"]
    monkeypatch.undo()
    assert outcome.status == "failed"
    version = DeltaTable(str(lake.project.root / "lake" / "p" / "loose")).version()
    assert f"version {version} of p.loose differs from what " in str(outcome.error)
    assert ("its digest is" if whole else "a row (id=2)") in str(outcome.error)
    # What the error says to do.
    corrected = lake("p.loose", docs=[(1, "en", 7), (2, "en", 8)], verify=True, full=True)["p.loose"]
    assert str(corrected.error) == "None"
    assert values(lake.project, "p.loose", "id", "v") == [(1, 7), (2, 8)]


def _let_embedded_write_otherwise(monkeypatch):
    from lakehouse.embedded import delta_writer

    def written(table, rows, **options):
        changed = pa.table(rows)
        place = changed.column_names.index("v")
        zeros = pa.repeat(pa.scalar(0, pa.int64()), changed.num_rows)
        write_deltalake(table, changed.set_column(place, "v", zeros), **options)

    monkeypatch.setattr(delta_writer, "write_deltalake", written)


def _let_spark_write_otherwise(monkeypatch):
    from lakehouse.spark import delta_writer

    whole = delta_writer._writer
    monkeypatch.setattr(
        delta_writer,
        "_writer",
        lambda table, rows, *rest: whole(table, rows.selectExpr("* EXCEPT (v)", "0L AS v"), *rest),
    )


def test_a_sample_is_read_by_default_and_nothing_of_a_commit_without_rows(lake, monkeypatch):
    if lake.engine == "spark":
        pytest.skip("the embedded engine's calls are counted")
    asked = []
    whole = embedded_read_back.differing_row
    monkeypatch.setattr(embedded_read_back, "differing_row", lambda *args: asked.append(args[1].name) or whole(*args))
    lake("p.loose", docs=[(1, "en", 7)])
    assert asked == ["p.loose"]
    lake("p.loose", docs=[(1, "en", 7)], full=True)
    assert asked == ["p.loose"]
