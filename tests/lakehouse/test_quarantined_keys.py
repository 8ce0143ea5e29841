"""What is quarantined of a table without samples goes once its source row is processed again, on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.query.connection import connect
from lakehouse.query.quarantine import count_quarantined, quarantined_rows
from tests.module_text import ModuleText

FLOWS = ModuleText("""
import datetime as dt
from pathlib import Path

import pyarrow as pa
from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

N, T, B = pa.int64(), pa.timestamp("us", "UTC"), pa.binary()
RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
ROUNDS = {1: {1: -1, 2: -1, 3: -1, 4: 1}, 2: {1: -2, 2: -1, 3: -1, 4: 2}, 3: {1: -2, 3: 3, 4: 2, 5: 1}}


def table(name, key, **types):
    columns = [Column(c, t, "A column.") for c, t in types.items()]
    checks = [Check("v good", "v > 0", tolerance=1.0)] if name != "q.src" else []
    return Table(name, doc="A table.", key=[key], columns=[*columns, RUN], checks=checks)


src = table("q.src", "id", id=N, at=T, raw=B, v=N)
numbers = table("q.numbers", "id", id=N, v=N)
moments = table("q.moments", "at", at=T, v=N)
bytes_ = table("q.bytes", "raw", raw=B, v=N)


@flow(writes=src, kind="landing", external=lambda params: Path("round.txt").read_text())
def land(params):
    rows = ROUNDS[int(Path("round.txt").read_text())]
    at = [dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC) + dt.timedelta(milliseconds=100 * n) for n in rows]
    return pa.table({"id": [*rows], "at": at, "raw": [b"\\xff" + bytes([n]) for n in rows], "v": [*rows.values()]},
                    schema=pa.schema({"id": N, "at": T, "raw": B, "v": N}))


def declare(written, key):
    @flow(writes=written, reads={"src": src}, source_key=key, source_key_sql=key, id=f"q.of_{key}")
    def select(batch, params):
        return batch.select([key, "v"])

    return select


f1, f2, f3 = declare(numbers, "id"), declare(moments, "at"), declare(bytes_, "raw")
""")
VIEW = Path(__file__).parents[2] / "sql" / "views" / "quarantine_visible.sql"
TABLES = ("q.numbers", "q.moments", "q.bytes")


@pytest.mark.parametrize("engines", [("embedded",) * 3, ("spark", "embedded", "spark")], ids=["embedded", "spark"])
def test_rows_that_are_repaired_or_deleted_are_no_longer_quarantined(project, request, monkeypatch, engines):
    if "spark" in engines:
        request.getfixturevalue("spark")
    tables = TABLES[1:] if "spark" in engines else TABLES
    monkeypatch.chdir(project.root)
    project.module("flows", FLOWS)
    for number, (engine, left) in enumerate(zip(engines, (3, 3, 1), strict=True), 1):
        project.use(engine)
        (project.root / "round.txt").write_text(str(number))
        outcomes = project.run("q.src", *tables)
        assert [outcome.error for outcome in outcomes.values()] == [None] * (1 + len(tables))
        lake = project.lake().project
        with connect(lake) as connection:
            seen = connection.rows(f'SELECT "table", count(*) AS n FROM ({VIEW.read_text()}) GROUP BY ALL')
        assert {row["table"]: row["n"] for row in seen} == dict.fromkeys(tables, left)
        for name in tables:
            assert sum(row["rows"] for row in count_quarantined(lake, name)) == left, (name, number)
            assert all(row["origin"] for row in quarantined_rows(lake, name, limit=9))
