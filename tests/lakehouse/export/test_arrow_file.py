from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest

from lakehouse.export.arrow_file import FORMAT
from lakehouse.export.format import Dataset
from tests.lakehouse.exports import some_rows

ROWS = some_rows(0)


@pytest.mark.parametrize("compression", ["zstd", "lz4", "none"])
def test_rows_read_back_in_arrow_and_polars(tmp_path, compression):
    writer = FORMAT.encoder(Dataset("t", ROWS.schema), {"compression": compression}).open(tmp_path / "a")
    for batch in ROWS.to_batches(max_chunksize=7):
        writer.write(batch)
    assert writer.size() > 0
    writer.close()
    path = tmp_path / "a.arrow"
    with pa.memory_map(str(path)) as source:
        assert pa.ipc.open_file(source).read_all().equals(ROWS)
    assert pl.read_ipc(path).to_dicts() == ROWS.to_pylist()
    assert FORMAT.rows_in([path], {}) == ROWS.num_rows


def test_a_cut_file_cannot_be_read_back(tmp_path):
    FORMAT.encoder(Dataset("t", ROWS.schema), {"compression": "none"}).open(tmp_path / "a").close()
    path = tmp_path / "a.arrow"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises((pa.ArrowException, OSError)):
        FORMAT.rows_in([path], {})
