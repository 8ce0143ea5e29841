from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.errors import ExportError
from lakehouse.export import parquet
from lakehouse.export.format import Dataset
from lakehouse.export.parquet import FORMAT, require_parquet_types
from tests.lakehouse.exports import some_rows

ROWS = some_rows(0)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
def test_rows_read_back_in_few_row_groups(tmp_path, compression):
    writer = FORMAT.encoder(Dataset("t", ROWS.schema), {"compression": compression}).open(tmp_path / "a")
    for batch in ROWS.to_batches(max_chunksize=7):
        writer.write(batch)
    assert writer.size() >= ROWS.nbytes
    writer.close()
    path = tmp_path / "a.parquet"
    assert pq.read_table(path).equals(ROWS)
    assert pq.read_metadata(path).num_row_groups == 1
    assert FORMAT.rows_in([path], {}) == ROWS.num_rows


def test_rows_do_not_wait_in_memory_beyond_a_row_group(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_GROUP_BYTES", 1200)
    writer = FORMAT.encoder(Dataset("t", ROWS.schema), {"compression": "zstd"}).open(tmp_path / "a")
    for batch in ROWS.to_batches(max_chunksize=10):
        writer.write(batch)
    writer.close()
    assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == 4


@pytest.mark.parametrize("kind", [pa.month_day_nano_interval(), pa.sparse_union([pa.field("a", pa.int8())])], ids=str)
def test_types_without_a_place_in_parquet_are_refused_by_name(kind):
    with pytest.raises(ExportError, match=r"column 'x' .* cast it"):
        require_parquet_types(pa.schema([("n", pa.int8()), ("x", kind)]))


def test_types_stay_as_they_are(tmp_path):
    schema = pa.schema(
        [
            ("m", pa.map_(pa.string(), pa.decimal128(38, 3))),
            ("t", pa.timestamp("ns", "UTC")),
            ("d", pa.duration("us")),
            ("f", pa.list_(pa.float16(), 2)),
            ("u", pa.uint64()),
            ("b", pa.large_binary()),
        ]
    )
    require_parquet_types(schema)
    FORMAT.encoder(Dataset("t", schema), {"compression": "zstd"}).open(tmp_path / "a").close()
    assert pq.read_schema(tmp_path / "a.parquet").equals(schema)
