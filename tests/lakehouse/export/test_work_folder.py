from __future__ import annotations

import pytest

from lakehouse.errors import ExportError
from lakehouse.export.format import Shard, ShardFile
from lakehouse.export.request import Request
from lakehouse.export.snapshot import Snapshot
from lakehouse.export.work_folder import WorkFolder

SNAPSHOT = Snapshot({"t.a": 1}, {"t.a": "id"})
SHARD = Shard(3, (ShardFile("shard-\u2028é", 1, "00"),), {"n": {"a": 1}})


@pytest.fixture
def work(tmp_path):
    made = WorkFolder(tmp_path)
    yield made
    made.release()


def test_an_unfinished_export_reads_back(work):
    assert work.read() is None
    begun = work.begin(Request("lake", ("t.a",)), SNAPSHOT, ["old"])
    assert work.read() == begun
    assert not work.has_progress()
    work.add(0, SHARD)
    work.add(1, SHARD)
    work.end(0)
    assert work.shards(0) == ([SHARD], True)
    assert work.shards(1) == ([SHARD], False)
    assert work.has_progress()
    work.begin(Request("lake", ("t.b",)), SNAPSHOT, [])
    assert work.shards(0) == ([], False)


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_a_kill_cut_off_is_disregarded_and_written_over(work, tmp_path, cut):
    work.add(0, SHARD)
    work.add(0, SHARD)
    work.release()
    journal = work.path / "shards.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    again = WorkFolder(tmp_path)
    assert again.shards(0) == ([SHARD], False)
    again.add(0, SHARD)
    assert again.shards(0) == ([SHARD, SHARD], False)
    again.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["request.json", "shards.jsonl"])
def test_a_damaged_state_says_what_to_do(work, name):
    (work.path / name).write_text("}\n")
    with pytest.raises(ExportError, match="is damaged — delete it to start over"):
        work.read() if name == "request.json" else work.shards(0)


def test_a_state_does_not_name_files_elsewhere(work):
    work.add(0, Shard(1, (ShardFile("../../x", 1, "00"),)))
    with pytest.raises(ExportError, match="outside"):
        work.shards(0)


def test_a_folder_is_for_one_process(work, tmp_path):
    with pytest.raises(ExportError, match="another process"):
        WorkFolder(tmp_path)
    work.release()
    WorkFolder(tmp_path).remove()
    assert list(tmp_path.iterdir()) == []
