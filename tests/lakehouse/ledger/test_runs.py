from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from lakehouse.delta.append import append_rows
from lakehouse.ledger import tables
from lakehouse.ledger.runs import sync_runs
from tests.lakehouse.lakes import lake_at, note, query, write

ROWS = pa.table({"n": [1, 2, 3]})


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    write(made, "bronze.a", ROWS, note("bronze.a", counts={"inserted": 3, "rows": 3}))
    write(made, "silver.b", ROWS, note("silver.b", inputs={"bronze.a": 0}, quarantine="attempt-1"))
    return made


def recorded(lake):
    rows = query(lake.project, 'SELECT "table", version, run_id FROM ledger.runs ORDER BY ALL').to_pylist()
    return [(row["table"], row["version"], row["run_id"]) for row in rows]


def test_the_ledger_is_filled_from_commit_notes(lake):
    assert sync_runs(lake.catalog) == 2
    assert recorded(lake) == [("bronze.a", 0, "run-1"), ("silver.b", 0, "run-1")]
    row = query(lake.project, "SELECT * FROM ledger.runs WHERE \"table\" = 'silver.b'").to_pylist(
        maps_as_pydicts="strict"
    )[0]
    assert row["inputs"] == {"bronze.a": 0}
    assert row["quarantine"] == "attempt-1"
    assert row["flow"] == "flows.silver.b"
    assert row["committed_at"] is not None


def test_filling_twice_adds_nothing(lake):
    sync_runs(lake.catalog)
    version = lake.catalog.open("ledger.runs").version()
    assert sync_runs(lake.catalog) == 0
    assert lake.catalog.open("ledger.runs").version() == version


def test_entries_that_a_kill_left_out_are_added_later(lake):
    sync_runs(lake.catalog)
    write(lake, "silver.b", ROWS, note("silver.b", "run-2"))
    write(lake, "silver.b", ROWS)  # somebody's hand, no note
    lake.catalog.open("silver.b").optimize.compact()
    write(lake, "silver.b", ROWS, note("silver.b", "run-3"))
    write(lake, "gold.c", ROWS, note("gold.c", "run-3"))
    assert sync_runs(lake.catalog) == 3
    assert recorded(lake) == [
        ("bronze.a", 0, "run-1"),
        ("gold.c", 0, "run-3"),
        ("silver.b", 0, "run-1"),
        ("silver.b", 1, "run-2"),
        ("silver.b", 4, "run-3"),
    ]


def test_two_at_once_add_each_entry_once(lake):
    sync_runs(lake.catalog)
    for number in range(2, 6):
        write(lake, "silver.b", ROWS, note("silver.b", f"run-{number}"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sync_runs(lake.catalog), range(4)))
    assert len(recorded(lake)) == len(set(recorded(lake))) == 6


def test_ledger_tables_of_the_engine_are_no_runs(lake):
    step = {
        "training_run": "t", "step": 1, "release": "r", "digest": "d", "stage": "cold", "seed": 0, "begin": 0, "end": 1,
        "positions": [0], "at": 0,
    }  # fmt: skip
    append_rows(lake.catalog, tables.training_steps, pa.Table.from_pylist([step], schema=tables.training_steps.schema))
    sync_runs(lake.catalog)
    assert {name for name, _, _ in recorded(lake)} == {"bronze.a", "silver.b"}


def test_an_empty_lake_has_no_runs(tmp_path):
    lake = lake_at(tmp_path / "none")
    assert sync_runs(lake.catalog) == 0
    assert lake.catalog.names() == []
