from __future__ import annotations

import polars as pl
import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.content_digest import HIGH, LOW, Digest
from lakehouse.embedded.key_diff import difference
from tests.lakehouse.embedded.embedded_lakes import batch, checked

TABLE = Table(
    "silver.things",
    doc="Things.",
    columns=[
        Column("id", pa.string(), "Identity."),
        Column("n", pa.int64(), "Number."),
        Column("run_id", pa.string(), "Run.", volatile=True, lineage=True),
    ],
    key=["id"],
)


def compare(tmp_path, new, stored, *reasons, table=TABLE):
    """Return the difference between new rows, of which the first have reasons, and stored ones."""
    old = checked(tmp_path, table, batch(table, stored))
    names = [*table.key, HIGH, LOW]
    found = difference(
        table, checked(tmp_path, table, batch(table, new, *reasons)), pl.DataFrame(old.rows.columns(names))
    )
    return found, old.digest


def actions(found):
    return {row[0]: row[-1] for row in found.rows.actions.rows()}


def test_rows_come_go_and_are_replaced_by_key(tmp_path):
    new = [("a", 1, "r2"), ("b", 3, "r2"), ("d", None, "r2")]
    found, before = compare(tmp_path, new, [("c", 9, "r1"), ("b", 2, "r1"), ("a", 1, "r1")])
    assert actions(found) == {"b": "U", "c": "D", "d": "I"}
    assert (found.inserted, found.updated, found.deleted) == (1, 1, 1)
    assert found.rows.positions.to_pylist() == [1, 2]
    assert before + found.gained - found.lost == checked(tmp_path, TABLE, batch(TABLE, new)).digest


def test_a_rejected_row_leaves_the_stored_one_to_go(tmp_path):
    found, _ = compare(tmp_path, [("a", 1, "r"), ("b", 2, "r")], [("a", 1, "r")], "bad")
    assert actions(found) == {"a": "D", "b": "I"}
    assert found.rows.positions.to_pylist() == [1]


def test_equal_rows_are_no_difference_and_nothing_meets_nothing(tmp_path):
    for rows in ([("a", 1, "r")], []):
        found, _ = compare(tmp_path, rows, rows)
        assert found.empty
        assert (found.gained, found.lost) == (Digest(), Digest())
        assert found.rows.positions.to_pylist() == []
    found, _ = compare(tmp_path, [], [("a", 1, "r")])
    assert actions(found) == {"a": "D"}
    found, _ = compare(tmp_path, [("a", 1, "r")], [])
    assert actions(found) == {"a": "I"}


def test_null_keys_that_something_else_wrote_are_one_key(tmp_path):
    found, _ = compare(tmp_path, [("a", 1, "r")], [(None, 1, "r"), ("a", 1, "r")])
    assert actions(found) == {None: "D"}
    found, _ = compare(tmp_path, [(None, 2, "r")], [(None, 1, "r")])
    assert actions(found) == {None: "U"}


def test_keys_of_several_columns_and_kinds_are_compared(tmp_path):
    table = Table(
        "silver.pairs",
        doc="Pairs.",
        columns=[
            Column("day", pa.date32(), "Day."),
            Column("raw", pa.binary(), "Bytes."),
            Column("n", pa.int32(), "Number."),
        ],
        key=["day", "raw", "n"],
    )
    found, _ = compare(tmp_path, [(1, b"a", 5), (2, b"a", -7)], [(1, b"b", 5), (1, b"a", 5)], table=table)
    assert (found.inserted, found.deleted) == (1, 1)
    assert found.rows.actions.height == 2
