from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.errors import LakeError
from lakehouse.export import rows as module
from lakehouse.export.rows import StoredRows, is_stored, pieces, store_rows, table_rows
from tests.lakehouse.exports import FILES, ROWS, some_rows


def read(rows, skip=0):
    return pa.Table.from_batches(rows.batches(skip), rows.schema)


def test_a_table_goes_on_at_any_row_in_the_same_order(lake):
    rows = table_rows(lake.catalog.open("silver.rows"), "silver.rows")
    whole = read(rows)
    assert whole.num_rows == FILES * ROWS
    for skip in (0, 1, 15, 16, 17, 40, 79, 119, 120, 500):
        assert read(rows, skip).equals(whole.slice(skip))


def test_batches_are_bounded_by_their_bytes(lake, monkeypatch):
    monkeypatch.setattr(module, "BATCH_BYTES", 500)
    rows = table_rows(lake.catalog.open("silver.rows"), "silver.rows")
    assert max(batch.num_rows for batch in rows.batches(0)) < 5
    whole = some_rows(0).to_batches()[0]
    assert pa.Table.from_batches(pieces(whole, 1000)).equals(pa.Table.from_batches([whole]))
    assert max(piece.nbytes for piece in pieces(whole, 1000)) <= 1100


def test_a_lost_file_is_named(lake, tmp_path):
    rows = table_rows(lake.catalog.open("silver.rows"), "silver.rows")
    lost = sorted((tmp_path / "lake" / "silver" / "rows").glob("*.parquet"))[1]
    lost.write_bytes(b"PAR1")
    with pytest.raises(LakeError, match=lost.name):
        read(rows)


def test_rows_of_a_query_are_stored_once_and_go_on_at_any_row(tmp_path):
    table = pa.concat_tables([some_rows(0), some_rows(ROWS, 3)])
    assert not is_stored(tmp_path / "rows")
    store_rows(table.to_reader(max_chunksize=7), tmp_path / "rows")
    assert is_stored(tmp_path / "rows")
    for skip in (0, 1, 6, 7, 8, 42, 43, 99):
        assert read(StoredRows(tmp_path / "rows"), skip).equals(table.slice(skip))


def test_an_unfinished_answer_is_not_taken_for_one(tmp_path):
    def failing():
        yield some_rows(0).to_batches()[0]
        raise OSError("full")

    reader = pa.RecordBatchReader.from_batches(some_rows(0).schema, failing())
    with pytest.raises(OSError, match="full"):
        store_rows(reader, tmp_path / "rows")
    assert not is_stored(tmp_path / "rows")


def test_files_of_an_older_schema_have_nulls_in_new_columns_and_fields(lake):
    old = pa.table({"n": [1, 2], "s": pa.array([{"x": 1}, None])})
    new = pa.table({"n": [3], "s": [{"x": 2, "y": "a"}], "late": [[{"z": 1}]]})
    place = lake.catalog.table_uri("silver.evolved")
    write_deltalake(place, old)
    write_deltalake(place, new, mode="append", schema_mode="merge")
    rows = table_rows(lake.catalog.open("silver.evolved"), "silver.evolved")
    assert read(rows).sort_by("n").to_pylist() == [
        {"n": 1, "s": {"x": 1, "y": None}, "late": None},
        {"n": 2, "s": None, "late": None},
        {"n": 3, "s": {"x": 2, "y": "a"}, "late": [{"z": 1}]},
    ]


def test_a_partitioned_table_has_the_values_of_its_folders(lake):
    parted = some_rows(0).append_column("kind", pa.array(["a", None] * (ROWS // 2)))
    write_deltalake(lake.catalog.table_uri("silver.parted"), parted, partition_by=["kind"])
    rows = table_rows(lake.catalog.open("silver.parted"), "silver.parted")
    assert read(rows).sort_by("n").select(parted.schema.names).equals(parted)


def test_a_row_group_of_media_is_never_in_memory_whole(lake):
    place = lake.catalog.table_uri("silver.media")
    size = 1 << 20
    write_deltalake(place, pa.table({"image": pa.array([bytes([n]) * size for n in range(48)], pa.large_binary())}))
    rows = table_rows(lake.catalog.open("silver.media"), "silver.media")
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    try:
        assert sum(batch.num_rows for batch in rows.batches(0)) == 48
        assert sum(batch.num_rows for batch in rows.batches(42)) == 6
    finally:
        pa.set_memory_pool(before)
    assert pool.max_memory() < 40 * size
