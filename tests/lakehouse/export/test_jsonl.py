from __future__ import annotations

import gzip
import json

import polars as pl
import pyarrow as pa
import pytest
from datasets import load_dataset

from lakehouse.export.format import Dataset
from lakehouse.export.formats import resolve_options
from lakehouse.export.jsonl import FORMAT
from tests.lakehouse.exports import some_rows

ROWS = some_rows(0)


def written(folder, compression):
    options = resolve_options(FORMAT, {"compression": compression})
    encoder = FORMAT.encoder(Dataset("t", ROWS.schema), options)
    writer = encoder.open(folder / "a")
    for batch in ROWS.to_batches(max_chunksize=7):
        writer.write(batch)
    assert writer.size() >= 0
    writer.close()
    path = folder / f"a{encoder.suffixes[0]}"
    assert FORMAT.rows_in([path], options) == ROWS.num_rows
    return path


def test_plain_lines_read_back(tmp_path):
    path = written(tmp_path, "none")
    assert [json.loads(line) for line in path.read_text().splitlines()] == ROWS.to_pylist()


def test_gzip_reads_back(tmp_path):
    with gzip.open(written(tmp_path, "gzip"), "rt") as lines:
        assert [json.loads(line) for line in lines] == ROWS.to_pylist()


def test_zstd_reads_back_in_polars_and_datasets(tmp_path):
    path = written(tmp_path, "zstd")
    assert path.name == "a.jsonl.zst"
    assert pl.read_ndjson(path).to_dicts() == ROWS.to_pylist()


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_datasets_reads_it(tmp_path, compression):
    path = written(tmp_path, compression)
    found = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert found.to_list() == ROWS.to_pylist()


def test_a_cut_file_is_no_file_of_the_format(tmp_path):
    path = written(tmp_path, "zstd")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises((OSError, pa.ArrowException)):
        assert FORMAT.rows_in([path], {"compression": "zstd"}) == ROWS.num_rows
