"""Which Parquet layouts are mapped in place, and that all others are declined."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.loader.pages import plain_runs

WIDTH = 64


def written(path, values, nullable=True, **options):
    options = {"compression": "none", "use_dictionary": False, "data_page_size": 1 << 30, **options}
    table = pa.table([pa.array(values, pa.binary())], schema=pa.schema([pa.field("tokens", pa.binary(), nullable)]))
    pq.write_table(table, path, **options)
    return runs(path)


def runs(path, group=0, width=WIDTH):
    metadata = pq.ParquetFile(path).metadata.row_group(group)
    file = np.fromfile(path, np.uint8)
    found = plain_runs(file, metadata.column(0), metadata.num_rows, width)
    return None if found is None else np.concatenate([run.view(file) for run in found])


def values(n, width=WIDTH, seed=0):
    return [row.tobytes() for row in np.random.default_rng(seed).integers(0, 256, (n, width), dtype=np.uint8)]


@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("page", [1 << 30, 500])
@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("checksum", [True, False])
def test_plain_values_are_found_in_place(tmp_path, nullable, version, page, statistics, checksum):
    made = values(1000)
    found = written(
        tmp_path / "a.parquet",
        made,
        nullable,
        data_page_version=version,
        data_page_size=page,
        write_batch_size=16,
        write_statistics=statistics,
        write_page_checksum=checksum,
    )
    assert found is not None
    assert found.tobytes() == b"".join(made)


def test_each_row_group_is_found(tmp_path):
    made = values(1000)
    written(tmp_path / "a.parquet", made, row_group_size=300)
    found = [runs(tmp_path / "a.parquet", group) for group in range(4)]
    assert b"".join(one.tobytes() for one in found) == b"".join(made)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd"},
        {"use_dictionary": True},
        {"use_dictionary": False, "column_encoding": {"tokens": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"use_dictionary": False, "column_encoding": {"tokens": "DELTA_BYTE_ARRAY"}},
    ],
)
def test_other_encodings_are_declined(tmp_path, options):
    assert written(tmp_path / "a.parquet", values(100), **options) is None


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_nulls_and_other_lengths_are_declined(tmp_path, version):
    path = tmp_path / "a.parquet"
    made = values(100)
    assert written(path, [*made[:50], None, *made[51:]], data_page_version=version) is None
    assert written(path, [*made[:50], made[50][:-4], *made[51:]], data_page_version=version) is None
    # The sum of the lengths agrees, the stride does not.
    assert written(path, [*made[:50], made[50][:-4], made[51] + b"abcd", *made[52:]], data_page_version=version) is None
    assert written(path, made, data_page_version=version) is not None
    assert runs(path, width=WIDTH - 4) is None


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 60), byte=st.integers(0, 255))
def test_a_damaged_page_header_is_declined_or_harmless(tmp_path_factory, at, byte):
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    made = values(20)
    if not path.exists():
        written(path, made)
    metadata = pq.ParquetFile(path).metadata.row_group(0)
    file = np.fromfile(path, np.uint8)
    file[metadata.column(0).data_page_offset + at] = byte
    found = plain_runs(file, metadata.column(0), 20, WIDTH)
    if found is not None:
        # Whatever was accepted lies at the true places: each value's length stands before it.
        (run,) = found
        assert (run.n, run.lengths_agree(file)) == (20, True)
