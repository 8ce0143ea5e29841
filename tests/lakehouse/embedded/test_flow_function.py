"""Flows of every kind that both engines run give equal tables: made rows with nulls, ties, other scripts, empty input."""

from __future__ import annotations

import pytest

from lakehouse.delta.history import commits_with_notes
from tests.module_text import ModuleText

ENGINES = ("embedded", "spark")

TABLES = ModuleText("""
import pyarrow as pa
from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table

RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
NAME = Column("name", pa.string(), "Name, of which there may be none.")
rows = Table(
    "bronze.rows", doc="A made row.", key=["sample_id"],
    columns=[
        Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True),
        NAME,
        Column("number", pa.int64(), "A number."),
        Column("amount", pa.decimal128(12, 2), "Money."),
        Column("moment", pa.timestamp("us", tz="UTC"), "A moment."),
        Column("day", pa.date32(), "A day."),
        Column("weight", pa.float64(), "A float."),
        Column("tags", pa.list_(pa.string()), "Texts."),
        RUN,
    ],
)
groups = Table(
    "silver.groups", doc="A name's rows.", key=["name"], checks=[Check("not all", "n < 100", tolerance=1.0)],
    columns=[
        Column("name", pa.string(), "Name.", nullable=False),
        Column("n", pa.int64(), "Rows.", nullable=False),
        Column("ids", pa.list_(pa.string()), "Their ids.", nullable=False),
        RUN,
    ],
)
totals = Table(
    "silver.totals", doc="What a name amounts to.", key=["name"],
    columns=[
        Column("name", pa.string(), "Name.", nullable=False),
        Column("n", pa.int64(), "Rows."),
        Column("numbers", pa.int64(), "Sum of numbers."),
        Column("amount", pa.decimal128(12, 2), "The largest."),
        Column("first", pa.timestamp("us", tz="UTC"), "The first moment."),
        Column("last", pa.date32(), "The last day."),
        Column("half", pa.float64(), "Half of the sum of numbers."),
        RUN,
    ],
)
chosen = Table(
    "silver.chosen", doc="A name's largest row, marked.", key=["sample_id"],
    columns=[
        Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True),
        NAME,
        Column("place", pa.int64(), "Place among all.", nullable=False),
        Column("marked", pa.string(), "Name and mark."),
        Column("tags", pa.list_(pa.string()), "Texts."),
        RUN,
    ],
)
copies = Table(
    "gold.copies", doc="A row by its id.", key=["sample_id"],
    columns=[
        Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True), NAME,
        Column("others", pa.int64(), "Other rows of its name."), RUN,
    ],
)
""")

FLOWS = ModuleText("""
import datetime
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import flow
from lakehouse.declare.relations import Relations, Rows
from PACKAGE.tables import chosen, copies, groups, rows, totals

COUNT = Path(__file__).parent.parent / "count.txt"
NAMES = ["a", "A", "ä", "漢字", "", None, "a ", "'quoted'", "z"]


def outside(params):
    return COUNT.read_text()


@flow(writes=rows, kind="landing", external=outside)
def land(params):
    made = []
    for number in range(int(COUNT.read_text())):
        made.append({
            "sample_id": f"{number:04}", "name": NAMES[number * 7 % len(NAMES)],
            "number": None if number % 5 == 0 else number % 4 * 10**15,
            "amount": None if number % 6 == 0 else decimal.Decimal(number % 11) / 4,
            "moment": datetime.datetime(2024, 3, 31, 1, 59, 59, number, datetime.UTC),
            "day": None if number % 7 == 0 else datetime.date(1900, 1, 1) + datetime.timedelta(number * 37),
            "weight": [0.0, -0.0, 1.5, None][number % 4], "tags": [None, [], ["x", None, "漢"]][number % 3],
        })
    types = {column.name: column.type for column in rows.columns if column.name != "run_id"}
    return pa.Table.from_pylist(made, schema=pa.schema(list(types.items())))


@flow(writes=groups, kind="group", reads={"rows": rows}, group_by=["name"], batch_rows=7, reject_tolerance=0.5)
def grouped(table, params):
    ids = table.column("sample_id").sort()
    reject = "no name" if not table.column("name")[0].as_py() else None
    return pa.table({
        "name": pa.array([table.column("name")[0].as_py() or "none"]), "n": pa.array([table.num_rows]),
        "ids": pa.array([ids.to_pylist()], pa.list_(pa.string())), "_reject": pa.array([reject], pa.string()),
    })


def mark(batches):
    for batch in batches:
        marked = pc.binary_join_element_wise(batch.column("name"), batch.column("tag"), "-")
        yield batch.append_column("marked", marked).select(["sample_id", "marked"])


def largest(group):
    return group.sort_by([("number", "descending"), ("sample_id", "ascending")]).slice(0, 1).select(["sample_id"])


MARKED = pa.schema([("sample_id", pa.string()), ("marked", pa.string())])
PLACES = pa.schema([("sample_id", pa.string()), ("rank", pa.int64())])


def ranked(batches):
    rank = 0
    for batch in batches:
        yield pa.record_batch([batch["sample_id"], pa.array(range(rank, rank + batch.num_rows))], schema=PLACES)
        rank += batch.num_rows


@flow(writes=chosen, kind="relational", reads={"rows": rows})
def choose(rows: Rows, relations: Relations, params):
    tags = relations.from_arrow(pa.table({"name": ["a", "漢字", "z"], "tag": ["one", "two", "three"]}))
    firsts = relations.map_groups(rows, ["name"], largest, pa.schema([("sample_id", pa.string())]))
    kept = relations.cached(relations.sql(
        "SELECT r.sample_id, r.name, r.tags, row_number() OVER (ORDER BY r.name, r.sample_id) AS place "
        "FROM rows AS r INNER JOIN firsts AS f ON r.sample_id = f.sample_id WHERE r.name IS NOT NULL",
        rows=rows, firsts=firsts,
    ))
    joined = relations.sql(
        "SELECT k.sample_id, k.name, t.tag FROM kept AS k INNER JOIN tags AS t ON k.name = t.name", kept=kept, tags=tags
    )
    marked = relations.map_batches(joined, mark, MARKED, together=["name"], order_by=["sample_id"])
    summed = relations.to_arrow(relations.sql("SELECT sum(number) AS n FROM rows", rows=rows))
    assert summed.schema.field("n").type == pa.int64()
    ordered = relations.map_batches(rows, ranked, PLACES, order_by=["number", "sample_id"], tasks="one")
    nulls = relations.sql(
        "SELECT max(o.rank) AS last, count(*) AS n FROM ordered AS o INNER JOIN rows AS r "
        "ON o.sample_id = r.sample_id WHERE r.number IS NULL", ordered=ordered, rows=rows,
    )
    (first,) = relations.to_arrow(nulls).to_pylist()
    assert first["n"] == 0 or first["last"] == first["n"] - 1, first
    return relations.sql(
        "SELECT k.sample_id, k.name, CAST(k.place AS BIGINT) AS place, m.marked, k.tags "
        "FROM kept AS k LEFT JOIN marked AS m ON k.sample_id = m.sample_id",
        kept=relations.computed(kept), marked=marked,
    )


@flow(writes=copies, kind="relational", reads={"rows": rows, "all": rows}, refresh="merge", driving="rows")
def copy(rows: Rows, all: Rows, affected: Rows, relations: Relations, params):
    return relations.sql(
        "SELECT r.sample_id, r.name, (SELECT count(*) FROM every AS e WHERE e.name = r.name) - 1 AS others "
        "FROM rows AS r INNER JOIN affected AS a ON r.sample_id = a.sample_id",
        rows=rows, affected=affected, every=all,
    )
""")

PORTABLE = """-- What each name amounts to.
-- dialect: portable
WITH named AS (SELECT coalesce(r.name, '') AS name, r.* EXCEPT (name) FROM bronze.rows AS r)

SELECT
  named.name,
  count(*) AS n,
  CAST(sum(number) AS BIGINT) AS numbers,
  max(amount) AS amount,
  min(moment) AS first,
  max(day) AS last,
  CAST(sum(number) AS DOUBLE) / 2 AS half
FROM named
GROUP BY named.name
"""


@pytest.fixture
def kinds(project):
    project.module("tables", TABLES)
    project.module("flows", FLOWS)
    project.sql("silver.totals", PORTABLE)
    return project


def run(kinds, monkeypatch, count):
    (kinds.root / "count.txt").write_text(str(count))
    for engine in ENGINES:
        monkeypatch.setenv("MIXLAKE_ENGINE", engine)
        outcomes = kinds.run(lake=engine)
        assert {str(outcome.error) for outcome in outcomes.values()} == {"None"}
    return outcomes


def notes(kinds, engine):
    tables = ("bronze.rows", "silver.groups", "silver.totals", "silver.chosen", "gold.copies")
    found = {}
    for table in tables:
        _, _, note = next(iter(commits_with_notes(kinds.lake(engine).catalog.open(table))))
        found[table] = (note.digest, dict(note.counts), dict(note.reasons), note.mode)
    return found


def test_every_kind_gives_equal_tables_on_both_engines(kinds, spark, monkeypatch):
    run(kinds, monkeypatch, 60)
    assert notes(kinds, "embedded") == notes(kinds, "spark")
    assert notes(kinds, "embedded")["silver.groups"][2] == {"no name": 2}
    assert len(kinds.rows("silver.chosen", "embedded")) == 8
    for table in ("silver.groups", "silver.chosen", "silver.totals"):
        assert [strip(row) for row in kinds.rows(table, "embedded")] == [
            strip(row) for row in kinds.rows(table, "spark")
        ]

    run(kinds, monkeypatch, 0)
    assert notes(kinds, "embedded") == notes(kinds, "spark")
    assert kinds.rows("silver.chosen", "embedded") == kinds.rows("silver.groups", "embedded") == []


def strip(row):
    return {name: value for name, value in row.items() if name != "run_id"}


def test_a_sql_flow_of_duckdbs_dialect_runs_embedded_alone(kinds, monkeypatch):
    kinds.sql("silver.totals", PORTABLE.replace("portable", "duckdb").replace("max(day)", "arg_max(day, day)"))
    (kinds.root / "count.txt").write_text("30")
    monkeypatch.setenv("MIXLAKE_ENGINE", "auto")
    done = kinds.run("+silver.totals")["silver.totals"]
    assert done.error is None
    assert done.note.engine == "embedded"
    assert done.note.engine_reason == "its SQL is of DuckDB's dialect"
    monkeypatch.setenv("MIXLAKE_ENGINE", "spark")
    refused = kinds.run("silver.totals", full=True)["silver.totals"]
    assert "cannot run on Spark" in str(refused.error)


def test_a_stated_dialect_that_no_engine_has_is_refused(kinds):
    kinds.sql("silver.totals", PORTABLE.replace("portable", "mysql"))
    with pytest.raises(Exception, match=r"silver.totals.sql:2: the dialect is 'mysql'"):
        kinds.lake().plan()


def test_a_group_that_is_too_large_is_refused_by_its_key(kinds, monkeypatch):
    kinds.module(
        "flows",
        FLOWS.replace("batch_rows=7", "batch_rows=7, group_mb=1").replace(
            '"tags": [None, [], ["x", None, "漢"]][number % 3]', '"tags": ["x" * 100_000]'
        ),
    )
    (kinds.root / "count.txt").write_text("120")
    monkeypatch.setenv("MIXLAKE_ENGINE", "embedded")
    failed = kinds.run("+silver.groups")["silver.groups"]
    assert "the group of name = " in str(failed.error)
    assert "more than 1 MiB" in str(failed.error)


def test_a_relational_function_that_returns_no_rows_is_refused(kinds, monkeypatch):
    kinds.module(
        "flows",
        FLOWS.replace(
            'return relations.sql(\n        "SELECT r.sample_id, r.name, (',
            'return str(\n        "SELECT r.sample_id, r.name, (',
        ).replace("        rows=rows, affected=affected, every=all,\n", ""),
    )
    (kinds.root / "count.txt").write_text("5")
    monkeypatch.setenv("MIXLAKE_ENGINE", "embedded")
    failed = kinds.run("+gold.copies")["gold.copies"]
    assert "returned str, not rows" in str(failed.error)
