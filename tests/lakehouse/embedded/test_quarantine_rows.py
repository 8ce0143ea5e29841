from __future__ import annotations

import json

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import append_rows
from lakehouse.embedded.conditions import open_database
from lakehouse.embedded.quarantine_rows import marks, quarantine_rows, quarantined_origins, source_keys_of
from lakehouse.ledger import tables
from lakehouse.ledger.quarantine import MARK
from tests.lakehouse.embedded.embedded_lakes import batch, checked, operator, project_of
from tests.lakehouse.lakes import Lake, note, write

COLUMNS = [
    Column("sample_id", pa.string(), "Identity.", lineage=True),
    Column("parent_ids", pa.list_(pa.string()), "Parents.", lineage=True),
    Column("data", pa.binary(), "Bytes."),
]
TABLE = Table("silver.texts", doc="x", columns=COLUMNS, key=["sample_id"])
FLOW = operator(TABLE, source_key_sql="coalesce(get(parent_ids, 0), sample_id)")


@pytest.fixture
def database(tmp_path):
    opened = open_database(str(tmp_path), "1GB")
    yield opened
    opened.close()


def test_rejected_rows_are_json_with_their_reason_and_origin(tmp_path, database):
    rows = [("a", ["p"], b"x"), ("b", [], None), (None, None, b""), ("good", ["p"], None), ("\"'ä𝔸", [None, "q"], None)]
    found = checked(tmp_path, TABLE, batch(TABLE, rows, "bad: one", "", "column sample_id is null", None, "ä\"'"))
    made = quarantine_rows(FLOW, database, found, "attempt", "run-7").to_pylist()
    assert [(row["sample_id"], row["origin"], row["reason"]) for row in made] == [
        ("a", "p", "bad: one"), ("b", "b", ""), (None, None, "column sample_id is null"), ('"\'ä𝔸', '"\'ä𝔸', "ä\"'"),
    ]  # fmt: skip
    assert {(row["attempt"], row["flow"], row["table"], row["run_id"]) for row in made} == {
        ("attempt", "flows.f", "silver.texts", "run-7")
    }
    assert json.loads(made[0]["row"])["data"].startswith("1 bytes 2d711642b726b044")
    assert json.loads(made[1]["row"]) == {"sample_id": "b", "parent_ids": []}


def test_no_rejected_rows_make_no_rows(tmp_path, database):
    found = checked(tmp_path, TABLE, batch(TABLE, [("a", [], None)]))
    made = quarantine_rows(FLOW, database, found, "attempt", "run-7")
    assert (made.num_rows, made.schema) == (0, tables.quarantine.schema)


def test_a_table_without_samples_has_origins_where_its_flow_has_source_keys(tmp_path, database):
    table = Table("silver.counts", doc="x", columns=[Column("n", pa.int64(), "x")], key=["n"])
    found = checked(tmp_path, table, batch(table, [(1,)], "bad"))
    (row,) = quarantine_rows(operator(table, source_key_sql="n"), database, found, "a", "r").to_pylist()
    assert (row["sample_id"], row["origin"], row["row"]) == (None, "1", '{"n":1}')
    landing = operator(TABLE, kind="landing", reads={})
    (row,) = quarantine_rows(
        landing, database, checked(tmp_path, TABLE, batch(TABLE, [("a", [], None)], "bad")), "a", "r"
    ).to_pylist()
    assert (row["sample_id"], row["origin"]) == ("a", None)


def quarantined(project, *attempts):
    """Append rows (origin, whether it is a mark) of attempts, and commits with their notes."""
    for number, (attempt, mode, rows) in enumerate(attempts):
        made = [
            {
                **dict.fromkeys(tables.quarantine.schema.names),
                "attempt": attempt,
                "table": TABLE.name,
                "origin": origin,
                "row": None if mark else "{}",
            }
            for origin, mark in rows
        ]
        append_rows(project.catalog, tables.quarantine, pa.Table.from_pylist(made, tables.quarantine.schema))
        if mode:
            of = note(TABLE.name, f"run-{number}", mode=mode, quarantine=attempt, has_quarantined=True)
            write(Lake(project.catalog.uri), TABLE.name, TABLE.schema.empty_table(), of)


def test_the_newest_attempt_at_an_origin_counts(tmp_path):
    project = project_of(tmp_path, TABLE)
    assert quarantined_origins(project.catalog, FLOW).to_pylist() == []
    quarantined(
        project,
        ("old", "full", [("gone", False)]),
        ("one", "full", [("a", False), ("a", False), ("b", False), (None, False)]),
    )
    assert sorted(quarantined_origins(project.catalog, FLOW).to_pylist(), key=str) == [None, "a", "a", "b"]
    quarantined(project, ("new", "incremental", [("a", False)]))  # of another row of the same origin
    assert sorted(quarantined_origins(project.catalog, FLOW).to_pylist(), key=str) == [None, "a", "a", "a", "b"]
    quarantined(project, ("two", "incremental", [("a", True), ("b", True), ("b", False)]), ("lost", "", [("c", False)]))
    assert sorted(quarantined_origins(project.catalog, FLOW).to_pylist(), key=str) == [None, "b"]


def test_origins_that_are_processed_again_are_marked_once(tmp_path, database):
    project = project_of(tmp_path, TABLE)
    keys = pa.array(["a", "c"])
    assert marks(FLOW, database, project.catalog, keys, ("x", "r")).num_rows == 0
    quarantined(project, ("one", "full", [("a", False), ("a", False), ("b", False), (None, False)]))
    (mark,) = marks(FLOW, database, project.catalog, keys, ("two", "run-7")).to_pylist()
    assert (mark["origin"], mark["reason"], mark["row"], mark["sample_id"]) == ("a", MARK, None, None)
    assert (mark["attempt"], mark["flow"], mark["table"], mark["run_id"]) == ("two", "flows.f", TABLE.name, "run-7")
    assert marks(FLOW, database, project.catalog, pa.array([1, 2], pa.int64()), ("two", "r")).num_rows == 0
    assert marks(FLOW, database, project.catalog, pa.array([], pa.string()), ("two", "r")).num_rows == 0


@pytest.mark.parametrize(
    ("texts", "keys"),
    [
        (["1.0", "1.0E20", "1e+20", "x"], pa.array([1.0, 1e20, 1e20, None])),
        (["7", "07", "seven"], pa.array([7, 7, None], pa.int32())),
        (["2024-01-31 12:00:00.5", "2024-01-31 12:00:00.500000Z"],
         pa.array([1706702400500000] * 2, pa.timestamp("us", "UTC"))),
        (["2024-01-31 12:00:00.5"], pa.array([1706702400500000], pa.timestamp("us"))),
        (["2024-01-31"], pa.array([19753], pa.date32())),
        (["00FF", "", "0", "ä"], pa.array([b"\x00\xff", b"", None, None])),
        (["1.50", "1.5"], pa.array(["1.50", "1.50"]).cast(pa.decimal128(21, 2))),
    ],
)  # fmt: skip
def test_origins_are_read_as_source_keys_whichever_engine_wrote_them(database, texts, keys):
    assert source_keys_of(database, pa.array(texts), keys.type).equals(keys)
