from __future__ import annotations

import pyarrow as pa

from lakehouse.embedded.row_file import CHUNK_BYTES, CHUNK_ROWS, Stream, chunked, cut, write_rows

SCHEMA = pa.schema([("n", pa.int64()), ("names", pa.list_(pa.string()))])


def batch(*numbers):
    return pa.record_batch({"n": numbers, "names": [[str(n)] if n else None for n in numbers]}, schema=SCHEMA)


def test_rows_are_read_as_they_were_written(tmp_path):
    kept = write_rows(tmp_path, Stream(SCHEMA, iter([batch(1, 0), batch(), batch(2, 3, 4).slice(1)])))
    assert (kept.rows, kept.schema) == (4, SCHEMA)
    for _ in range(2):
        assert [found.column(0).to_pylist() for found in kept.batches()] == [[1, 0], [], [3, 4]]
    assert kept.columns(["names"]).to_pylist() == [
        {"names": ["1"]},
        {"names": None},
        {"names": ["3"]},
        {"names": ["4"]},
    ]
    assert kept.bytes == kept.path.stat().st_size > 0


def test_no_rows_have_their_columns_still(tmp_path):
    kept = write_rows(tmp_path, Stream(SCHEMA, ()))
    assert (kept.rows, list(kept.batches()), kept.columns(["n"]).num_rows) == (0, [], 0)
    assert kept.columns(["names", "n"]).schema.types == [pa.list_(pa.string()), pa.int64()]


def test_small_batches_are_put_together_in_their_order():
    whole = list(chunked([batch(1), batch(), batch(2, 3), batch()]))
    assert [found.column(0).to_pylist() for found in whole] == [[1, 2, 3]]
    assert list(chunked([])) == list(chunked([batch()])) == []
    many = pa.record_batch({"n": range(CHUNK_ROWS - 1)})
    few = pa.record_batch({"n": [1]})
    assert [found.num_rows for found in chunked([many, few, few, few, many])] == [
        CHUNK_ROWS, 2, CHUNK_ROWS - 1
    ]  # fmt: skip


def test_a_row_larger_than_a_chunk_goes_alone(tmp_path):
    large = pa.record_batch({"data": [b"x" * (CHUNK_BYTES + 1)]})
    small = pa.record_batch({"data": [b"y"]})
    found = list(chunked([small, large, large, small, small]))
    assert [item.num_rows for item in found] == [1, 1, 1, 2]
    kept = write_rows(tmp_path, Stream(large.schema, found))
    assert [len(row["data"]) for row in kept.columns(["data"]).to_pylist()] == [
        1,
        CHUNK_BYTES + 1,
        CHUNK_BYTES + 1,
        1,
        1,
    ]


def test_batches_are_cut_to_a_number_of_rows():
    assert [found.num_rows for found in cut([batch(1, 2, 3, 4, 5), batch(), batch(6)], 2)] == [2, 2, 1, 1]
