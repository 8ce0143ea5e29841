from __future__ import annotations

import math

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.content_digest import Digest
from lakehouse.embedded import checked_rows
from lakehouse.engine import OTHER_REASONS
from lakehouse.engine.keys import KeyOrigins
from tests.lakehouse.embedded.embedded_lakes import batch, checked

TABLE = Table(
    "silver.things",
    doc="Things.",
    columns=[Column("id", pa.string(), "Identity."), Column("n", pa.int64(), "Number.")],
    key=["id"],
)


def test_good_rows_are_summed_up_and_the_others_counted_by_the_reason_before_a_colon(tmp_path):
    rows = batch(TABLE, [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)], None, "bad: 1", None, "bad: 2", ":x")
    found = checked(tmp_path, TABLE, rows.slice(0, 2), rows.slice(2))
    assert (found.digest.rows, found.distinct_keys, found.rejected) == (2, 2, 3)
    assert dict(found.reasons) == {"bad": 2, "": 1}
    assert found.digest == checked(tmp_path, TABLE, batch(TABLE, [("c", 3), ("a", 1)])).digest
    assert [row["id"] for part in checked_rows.good_rows(found) for row in part.to_pylist()] == ["a", "c"]
    assert [row["id"] for part in checked_rows.rejected_rows(found) for row in part.to_pylist()] == ["b", "d", "e"]


def test_an_empty_reason_rejects_a_row(tmp_path):
    found = checked(tmp_path, TABLE, batch(TABLE, [("a", 1)], ""))
    assert (dict(found.reasons), found.digest) == ({"": 1}, Digest())
    assert [row["id"] for row in checked_rows.rejected_examples(found, "", 3)] == ["a"]


def test_no_rows_have_no_digest_and_no_keys(tmp_path):
    for found in (checked(tmp_path, TABLE), checked(tmp_path, TABLE, batch(TABLE, []))):
        assert (found.digest, dict(found.reasons), found.distinct_keys) == (Digest(), {}, 0)
        assert list(checked_rows.good_rows(found)) == list(checked_rows.rejected_rows(found)) == []
        assert checked_rows.rejected_examples(found, "bad", 3) == []


def test_many_reasons_are_put_together(tmp_path):
    names = [f"r{number:02}" for number in range(60)] + ["r59", "ä", "𝔸", "\uffff"]
    found = checked(tmp_path, TABLE, batch(TABLE, [(name, 1) for name in names], *names))
    assert list(found.reasons) == ["r59", *(f"r{number:02}" for number in range(49)), OTHER_REASONS]
    assert (found.reasons["r59"], found.reasons[OTHER_REASONS], found.rejected) == (2, 13, len(names))


def test_an_example_has_the_contracts_values(tmp_path):
    found = checked(tmp_path, TABLE, batch(TABLE, [("a", 1), ("b", None)], None, "bad: it's"))
    assert checked_rows.rejected_examples(found, "bad", 3) == [{"id": "b", "n": None, "_reject": "bad: it's"}]
    assert checked_rows.rejected_examples(found, "other", 3) == []


def test_a_key_that_rows_share_is_found_among_good_rows_alone(tmp_path):
    rows = [("b", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5)]
    found = checked(tmp_path, TABLE, batch(TABLE, rows, None, "bad", None, "bad"))
    assert (found.distinct_keys, found.digest.rows) == (1, 3)
    assert checked_rows.duplicate_key(TABLE, found) == KeyOrigins({"id": "b"}, (), 3)
    assert checked_rows.rows_with_key(found, {"id": "b"}, 2).column("id").to_pylist() == ["b", "b"]
    assert checked_rows.rows_with_key(found, {"id": "no"}, 2).num_rows == 0


def test_keys_of_several_columns_and_kinds_are_told_apart(tmp_path):
    table = Table(
        "silver.pairs",
        doc="Pairs.",
        columns=[Column("raw", pa.binary(), "Bytes."), Column("d", pa.float64(), "Number.")],
        key=["raw", "d"],
    )
    rows = [(b"a", 0.0), (b"a", -0.0), (b"a", math.nan), (b"a", math.nan), (b"\xff", 0.0), (b"", 0.0)]
    found = checked(tmp_path, table, batch(table, rows))
    assert found.distinct_keys == 4


def test_a_table_without_a_key_has_no_distinct_keys(tmp_path):
    table = Table("silver.bags", doc="Bags.", columns=[Column("n", pa.int64(), "Number.")])
    assert checked(tmp_path, table, batch(table, [(1,), (1,)])).distinct_keys == 0
