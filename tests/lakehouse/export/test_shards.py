from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest

from lakehouse.export.arrow_file import FORMAT
from lakehouse.export.format import Dataset
from lakehouse.export.rows import StoredRows, store_rows
from lakehouse.export.shards import write_shards
from lakehouse.export.work_folder import WorkFolder
from tests.lakehouse.exports import some_rows

ROWS = some_rows(0, 100)


@pytest.fixture
def work(tmp_path):
    made = WorkFolder(tmp_path)
    yield made
    made.release()


def write(work, table=ROWS, size=1 << 30, rows=None, chunk=9):
    folder = work.rows_folder(0)
    store_rows(table.to_reader(max_chunksize=chunk), folder)
    encoder = FORMAT.encoder(Dataset("t", table.schema), {"compression": "none"})
    return write_shards(StoredRows(folder), encoder, work, 0, (size, rows))


@pytest.mark.parametrize(
    ("rows", "sizes"), [(None, [100]), (100, [100]), (99, [99, 1]), (40, [40, 40, 20]), (1, [1] * 100)]
)
def test_shards_have_the_rows_that_are_asked_for(work, rows, sizes):
    assert [shard.rows for shard in write(work, rows=rows)] == sizes


def test_shards_have_about_the_size_that_is_asked_for(work):
    shards = write(work, size=5000, chunk=100)
    assert 3 < len(shards) < 20
    assert sum(shard.rows for shard in shards) == 100
    assert all(shard.files[0].bytes < 10_000 for shard in shards)


def test_shards_are_recorded_with_their_digest_and_not_written_again(work):
    shards = write(work, rows=40)
    path = work.path / shards[1].files[0].path
    assert hashlib.sha256(path.read_bytes()).hexdigest() == shards[1].files[0].sha256
    before = path.stat().st_mtime_ns
    assert write(work, rows=40) == shards
    assert path.stat().st_mtime_ns == before


def test_no_rows_make_one_empty_shard(work):
    shards = write(work, ROWS.slice(0, 0))
    assert [shard.rows for shard in shards] == [0]
    with pa.memory_map(str(work.path / shards[0].files[0].path)) as source:
        assert pa.ipc.open_file(source).schema.equals(ROWS.schema)
