from __future__ import annotations

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from lakehouse.delta.parquet_footer import read_footer, read_footers


@pytest.fixture
def store(tmp_path):
    return pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem())


def test_the_digest_covers_all_behind_the_last_page(tmp_path, store):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": list(range(1000))}), path, row_group_size=300, write_page_index=True)
    footer = read_footer(store, "a.parquet")
    assert (footer.rows, footer.metadata.num_row_groups, len(footer.digest)) == (1000, 4, 64)
    raw = bytearray(path.read_bytes())
    chunk = footer.metadata.row_group(3).column(0)
    begin = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    end = begin + chunk.total_compressed_size
    for place, same in ((end - 1, True), (end, False)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        assert (read_footer(store, "a.parquet").digest == footer.digest) is same


def test_a_footer_longer_than_the_first_read_is_read_whole(tmp_path, store):
    columns = {f"column_{number:04}": [number] for number in range(3000)}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size > 1 << 16
    assert read_footer(store, "a.parquet").metadata.num_columns == 3000


def test_a_file_without_rows_has_a_footer(tmp_path, store):
    pq.write_table(pa.table({"n": pa.array([], pa.int64())}), tmp_path / "a.parquet")
    assert read_footer(store, "a.parquet").rows == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PAR1", "does not end as a Parquet file"),
        (b"PAR1" + b"x" * 20, "does not end as a Parquet file"),
        (b"PAR1" + b"x" * 20 + (999).to_bytes(4, "little") + b"PAR1", "longer than the file"),
        (b"PAR1" + b"x" * 20 + (8).to_bytes(4, "little") + b"PAR1", "cannot be read"),
    ],
)
def test_what_is_not_a_footer_is_refused(tmp_path, store, data, words):
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(ValueError, match=words):
        read_footer(store, "a.parquet")


def test_errors_are_returned_in_the_place_of_their_file(tmp_path, store):
    pq.write_table(pa.table({"n": [1]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"half")
    first, second, third = read_footers(store, ["a.parquet", "b.parquet", "c.parquet"])
    assert first.rows == 1
    assert isinstance(second, ValueError)
    assert isinstance(third, FileNotFoundError)
