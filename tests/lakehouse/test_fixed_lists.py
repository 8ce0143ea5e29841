"""Lists of a fixed size are declared, written and read alike on both engines, at every depth."""

from __future__ import annotations

import pytest

from tests.module_text import ModuleText

FLOWS = ModuleText("""
from pathlib import Path

import pyarrow as pa
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

N, F, S = pa.int64(), pa.float64(), pa.string()
POINT = pa.list_(F, 2)
DEEP = pa.struct([("corners", pa.list_(POINT)), ("by_name", pa.map_(S, pa.struct([("at", POINT)]))), ("box", pa.list_(POINT, 1))])
TYPES = {"id": N, "point": POINT, "deep": DEEP}
RUN = Column("run_id", S, "Run.", volatile=True, lineage=True)


def table(name, **types):
    columns = [Column(c, t, "A column.") for c, t in {"id": N, **types}.items()]
    return Table(name, doc="A table.", key=["id"], columns=[*columns, RUN])


def values(ids):
    deep = {"corners": [[1.0, 2.0], None], "by_name": [("a", {"at": [3.0, 4.0]}), ("b", None)], "box": [[5.0, 6.0]]}
    return {"id": ids, "point": [[1.0, float(n)] if n != 2 else None for n in ids],
            "deep": [deep if n == 1 else None for n in ids]}


def require(rows):
    found = {name: rows.schema.field(name).type for name in ("point", "deep")}
    assert all(found[name] == TYPES[name] for name in found), found
    return {name: rows.column(name) for name in ("id", "point", "deep")}


WANTED = pa.schema(TYPES.items())
landed, op, plain, group, batches, groups, arrow, again = (
    table(f"fix.{name}", point=POINT, deep=DEEP)
    for name in ("landed", "op", "plain", "group", "batches", "groups", "arrow", "again")
)
wrong = table("fix.wrong", point=POINT)
wrong_group = table("fix.wrong_group", point=POINT)
wrong_batch = table("fix.wrong_batch", point=POINT)


@flow(writes=landed, kind="landing", external=lambda params: Path("round.txt").read_text())
def land(params, current_rows):
    require(current_rows)
    return pa.table(values([1, 2, 3][: int(Path("round.txt").read_text())]), schema=WANTED)


@flow(writes=op, reads={"landed": landed}, source_key="id", source_key_sql="id")
def operate(batch, params):
    return pa.record_batch(require(batch))


@flow(writes=plain, reads={"landed": landed}, source_key="id", source_key_sql="id")
def operate_with_plain(batch, params):
    return pa.record_batch({**require(batch), "point": batch["point"].cast(pa.list_(F))})


@flow(writes=group, reads={"landed": landed}, kind="group", group_by=["id"])
def of_group(rows, params):
    return pa.table(require(rows))


def each(rows):
    for batch in rows:
        yield pa.record_batch(require(batch))


@flow(writes=batches, reads={"landed": landed}, kind="relational")
def by_batch(landed, relations, params):
    made = relations.map_batches(relations.sql("SELECT * FROM l WHERE id > 0", l=landed), each, WANTED)
    return relations.map_batches(relations.sql("SELECT id, deep, point FROM m", m=made), each, WANTED)


@flow(writes=groups, reads={"landed": landed}, kind="relational")
def by_group(landed, relations, params):
    return relations.map_groups(landed, ["id"], lambda rows: pa.table(require(rows)), WANTED)


@flow(writes=arrow, reads={"landed": landed}, kind="relational")
def by_arrow(landed, relations, params):
    return relations.from_arrow(pa.table(require(relations.to_arrow(landed))))


@flow(writes=again, reads={"op": op}, kind="relational", refresh="merge", source_key="id", source_key_sql="id",
      surplus="drop")
def merged(op, affected, relations, params):
    return relations.sql("SELECT id, point, deep FROM op", op=op)


def three(rows):
    return pa.array([[1.0, 2.0, 3.0]] * len(rows), pa.list_(F))


@flow(writes=wrong, reads={"landed": landed}, source_key="id", source_key_sql="id")
def other_length(batch, params):
    return pa.record_batch({"id": batch["id"], "point": three(batch)})


@flow(writes=wrong_group, reads={"landed": landed}, kind="group", group_by=["id"])
def other_length_of_group(rows, params):
    return pa.table({"id": rows["id"], "point": three(rows)})


@flow(writes=wrong_batch, reads={"landed": landed}, kind="relational")
def other_length_of_batch(landed, relations, params):
    def make(rows):
        for batch in rows:
            yield pa.record_batch({"id": batch["id"], "point": three(batch)})

    return relations.map_batches(landed, make, pa.schema([("id", N), ("point", POINT)]))
""")
DEEP = {"corners": [[1.0, 2.0], None], "by_name": [("a", {"at": [3.0, 4.0]}), ("b", None)], "box": [[5.0, 6.0]]}
ROWS = [(1, [1.0, 1.0], DEEP), (2, None, None), (3, [1.0, 3.0], None)]
GOOD = ("landed", "op", "plain", "group", "batches", "groups", "arrow", "again")
WRONG = ("wrong", "wrong_group", "wrong_batch")


@pytest.mark.parametrize("engine", ["embedded", "spark"])
def test_lists_of_a_fixed_size_are_written_and_read_by_flows_of_each_kind(project, request, monkeypatch, engine):
    if engine == "spark":
        request.getfixturevalue("spark")
    project.use(engine)
    monkeypatch.chdir(project.root)
    project.module("flows", FLOWS)
    incremental = ("landed", "op", "again")
    for number, good, wrong in ((2, GOOD, WRONG), (3, incremental, ())):
        (project.root / "round.txt").write_text(str(number))
        outcomes = project.run(*(f"fix.{name}" for name in (*good, *wrong)))
        for name in good:
            outcome = outcomes[f"fix.{name}"]
            assert outcome.error is None, (name, outcome.error)
            found = [(row["id"], row["point"], row["deep"]) for row in project.rows(f"fix.{name}")]
            assert sorted(found, key=lambda row: row[0]) == ROWS[:number], name
            assert "mixlake.declared" not in project.lake().catalog.open(f"fix.{name}").schema().to_json()
        for name in wrong:
            assert "'point' a list of 3 elements, not 2" in str(outcomes[f"fix.{name}"].error), name
