from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from lakehouse.delta import read_back
from lakehouse.delta.read_back import rows_in_log, sample


def commit(path, rows, **options):
    write_deltalake(str(path), pa.table(rows), mode="append", **options)
    return DeltaTable(str(path))


def read(table, columns=("id",), seed="run"):
    return [batch.to_pylist() for batch in sample(table, columns, seed)]


def test_only_what_the_newest_commit_added_is_read(tmp_path):
    commit(tmp_path, {"id": ["old"], "n": [1]})
    table = commit(tmp_path, {"id": ["a", "b"], "n": [1, 2]})
    assert read(table) == [[{"id": "a"}, {"id": "b"}]]
    table.delete("id = 'nothing'")
    table.alter.set_table_properties({"x.y": "z"}, raise_if_not_exists=False)
    assert read(table) == []


def test_values_of_partitions_are_those_that_readers_see(tmp_path):
    table = commit(tmp_path, {"id": ["a", "b", "c"], "lang": ["e/n", "", "%"]}, partition_by=["lang"])
    seen = {
        row["id"]: row["lang"]
        for seed in map(str, range(20))
        for part in read(table, ["id", "lang"], seed)
        for row in part
    }
    assert seen == {"a": "e/n", "b": None, "c": "%"}


def test_a_sample_is_small_and_chosen_by_its_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(read_back, "SAMPLE_ROWS", 3)
    many = list(range(100))
    table = commit(tmp_path, {"id": many, "part": [n % 10 for n in many]}, partition_by=["part"])
    parts = read(table, ["id"])
    assert [len(part) for part in parts] == [3, 3]
    assert parts == read(table, ["id"])
    assert any(read(table, ["id"], str(n)) != parts for n in range(5))


def test_of_large_rows_few_are_read(tmp_path):
    table = commit(tmp_path, {"id": [str(n) * (100 << 10) for n in range(9)]})
    (part,) = read(table)
    assert len(part) < 9


def test_rows_are_counted_by_the_log(tmp_path):
    assert rows_in_log(commit(tmp_path, {"id": ["a", "b"]})) == 2
    assert rows_in_log(commit(tmp_path, {"id": ["c"]})) == 3
