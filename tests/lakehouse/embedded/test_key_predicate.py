from __future__ import annotations

import hashlib

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from lakehouse.embedded.key_predicate import DIGITS, predicate_of_digests

ROWS = [
    ("a", 1), ("a", -1), ("it's", 1 << 62), ("\\ä𝔸", 0), ("", 5), (None, 5), ("-", 5), ("a:b", 1), ("b", None), (None, None),
]  # fmt: skip


def predicate_of(keys, rows):
    """Return the condition under which a row's key is among some."""
    parts = [["-" if v is None else hashlib.sha256(str(v).encode()).hexdigest()[:DIGITS] for v in row] for row in rows]
    return predicate_of_digests(keys, map(":".join, parts))


def named(tmp_path, keys):
    """Return the rows that the condition of some keys names, as delta-rs evaluates it."""
    place = str(tmp_path / "table")
    columns = list(zip(*ROWS, strict=True))
    rows = pa.table({"Key": pa.array(columns[0], pa.string()), "n": pa.array(columns[1], pa.int64())})
    write_deltalake(place, rows, mode="overwrite")
    query = QueryBuilder().register("t", DeltaTable(place))
    answer = pa.table(query.execute(f"SELECT * FROM t WHERE {predicate_of(['Key', 'n'], keys)}"))
    return {(str(row["Key"]) if row["Key"] is not None else None, row["n"]) for row in answer.to_pylist()}


def test_just_the_rows_of_the_keys_are_named(tmp_path):
    for row in ROWS:
        assert named(tmp_path, [row]) == {row}
    assert named(tmp_path, ROWS[:4]) == set(ROWS[:4])
    assert named(tmp_path, [("a", 2), ("a:b:1", 1)]) == set()


def test_no_digests_name_no_row(tmp_path):
    assert named(tmp_path, []) == set()
