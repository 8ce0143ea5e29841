"""One reader of commit files."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.fs as pafs
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from lakehouse.delta.commit import find_actions, list_commits, parse_commit, read_bytes, read_commit, read_info
from lakehouse.delta.store.table_folder import commit_file, table_folder


@pytest.fixture
def uri(tmp_path):
    """A table of three versions: created, appended to with a note, compacted."""
    DeltaTable.create(str(tmp_path), schema=pa.schema([("n", pa.int64())]))
    note = CommitProperties(custom_metadata={"userMetadata": "a note"})
    write_deltalake(str(tmp_path), pa.table({"n": [1]}), mode="append", commit_properties=note)
    write_deltalake(str(tmp_path), pa.table({"n": [2]}), mode="append")
    DeltaTable(str(tmp_path)).optimize.compact()
    return str(tmp_path)


def test_a_commit_says_whether_it_changed_rows(uri):
    store = table_folder(uri)
    assert [read_commit(store, version).changes for version in range(4)] == [False, True, True, False]
    assert read_commit(store, 1).info["userMetadata"] == "a note"
    assert read_info(store, 1)["version"] == 1
    assert {**read_commit(store, 3).info, "version": 3} == read_info(store, 3)


def test_actions_are_found_by_kind(uri):
    data = read_bytes(table_folder(uri), commit_file(0))
    (metadata,) = find_actions("metaData", data)
    assert json.loads(metadata["schemaString"])["fields"][0]["name"] == "n"
    assert len(find_actions("protocol", data)) == 1
    assert find_actions("add", data) == []
    assert len(find_actions("remove", read_bytes(table_folder(uri), commit_file(3)))) == 2


def test_the_info_is_found_wherever_it_stands_in_a_long_commit(tmp_path):
    log = tmp_path / "_delta_log"
    log.mkdir()
    adds = "\n".join(json.dumps({"add": {"path": f"{number:064}.parquet"}}) for number in range(2000))
    (log / f"{0:020d}.json").write_text(f'{adds}\n{{"commitInfo":{{"operation":"WRITE"}}}}\n')
    (log / f"{1:020d}.json").write_text(f"{adds}\n")
    (log / f"{2:020d}.json").write_text(f'{{"commitInfo":{{"operation":"{"X" * 100_000}"}}}}\n{adds}\n')
    store = table_folder(str(tmp_path))
    assert read_info(store, 0) == {"operation": "WRITE", "version": 0}
    assert read_info(store, 1) == {"version": 1}
    assert read_info(store, 2)["operation"] == "X" * 100_000


@pytest.mark.parametrize("data", [b"", b"{", b'{"commitInfo":{"operation":"WR', b"half a line}}"])
def test_a_truncated_commit_is_refused_with_its_file(data):
    with pytest.raises(ValueError, match=f"{7:020d}.json"):
        parse_commit(7, data)


def test_a_damaged_info_is_refused_with_its_file(tmp_path):
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / commit_file(0)).write_text('{"commitInfo":{"a":}}\n')
    with pytest.raises(ValueError, match="_delta_log/"):
        read_info(table_folder(str(tmp_path)), 0)
    with pytest.raises(ValueError, match="_delta_log/"):
        _ = read_commit(table_folder(str(tmp_path)), 0).info
    with pytest.raises(FileNotFoundError):
        read_commit(table_folder(str(tmp_path)), 1)


def test_commits_are_listed_by_version_and_nothing_else_is(uri, tmp_path):
    DeltaTable(uri).create_checkpoint()
    for name in (f"{9:020d}.json.tmp", f".{9:020d}.json.crc", f"{0:020d}.{1:020d}.compacted.json", f"{9:020d}.crc"):
        (tmp_path / "_delta_log" / name).write_text("{}")
    found = list_commits(table_folder(uri))
    assert list(found) == [0, 1, 2, 3]
    assert all(isinstance(info, pafs.FileInfo) and info.size > 0 for info in found.values())
    assert list_commits(table_folder(str(tmp_path / "nothing"))) == {}
