from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.pack.parquet_pages import locate_values, read_struct
from lakehouse.errors import FlowError


def found(path: Path, column: str = "audio") -> list[bytes | None]:
    """What lies at the located places of the file, read with no Parquet library."""
    with pa.memory_map(str(path), "r") as source:
        values = locate_values(source, column, path.name)
    raw = path.read_bytes()
    return [None if at < 0 else raw[at : at + n] for at, n in zip(values.offset, values.length, strict=True)]


def write(path: Path, values: list[bytes | None], *, nullable: bool = True, **options: object) -> None:
    table = pa.table(
        [pa.array([f"{i:032x}" for i in range(len(values))]), pa.array(values, pa.binary())],
        schema=pa.schema([pa.field("sample_id", pa.string()), pa.field("audio", pa.binary(), nullable)]),
    )
    pq.write_table(table, path, **{"compression": "none", "use_dictionary": False, "write_batch_size": 3, **options})


@settings(max_examples=120, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.binary(max_size=60)), max_size=60),
    nullable=st.booleans(),
    version=st.sampled_from(["1.0", "2.0"]),
    group=st.integers(1, 40),
    page=st.sampled_from([1, 64, 1 << 20]),
    statistics=st.booleans(),
    checksum=st.booleans(),
)
def test_every_value_lies_where_it_is_said_to(values, nullable, version, group, page, statistics, checksum) -> None:
    wanted = values if nullable else [value or b"" for value in values]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.parquet"
        write(
            path,
            wanted,
            nullable=nullable,
            data_page_version=version,
            row_group_size=group,
            data_page_size=page,
            write_statistics=statistics,
            write_page_checksum=checksum,
        )
        assert found(path) == wanted


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_long_values_and_many_pages(tmp_path: Path, version: str) -> None:
    rng = np.random.default_rng(0)
    values = [rng.bytes(int(size)) for size in rng.integers(0, 40_000, 300)]
    path = tmp_path / "part.parquet"
    write(path, values, data_page_version=version, row_group_size=97, data_page_size=100_000)
    assert pq.ParquetFile(path).metadata.num_row_groups == 4
    assert found(path) == values


def test_page_headers_with_long_statistics(tmp_path: Path) -> None:
    values = [b"a" * 4000, b"z" * 4000] * 20  # minimum and maximum of a page make its header 8 kB long
    path = tmp_path / "part.parquet"
    write(path, values, data_page_size=20_000, write_statistics=True)
    assert found(path) == values


def test_a_run_of_nulls(tmp_path: Path) -> None:
    values = [None] * 5000 + [b"x"] * 5000 + [None, b"y"] * 500
    path = tmp_path / "part.parquet"
    write(path, values, write_batch_size=1024)
    assert found(path) == values


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"compression": "snappy"}, "SNAPPY"),
        ({"compression": "zstd"}, "ZSTD"),
        ({"use_dictionary": True}, "dictionary"),
        ({"use_dictionary": False, "column_encoding": {"audio": "DELTA_LENGTH_BYTE_ARRAY"}}, "encoding"),
    ],
)
def test_values_that_do_not_lie_raw_are_refused(tmp_path: Path, options: dict, words: str) -> None:
    path = tmp_path / "part.parquet"
    write(path, [b"one", b"two"] * 50, **options)
    with pytest.raises(FlowError, match=words) as caught:
        found(path)
    assert "MEDIA_OPTIONS" in caught.value.hint


def test_other_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    pq.write_table(pa.table({"audio": [[b"a"]], "n": [1]}), path, compression="none", use_dictionary=False)
    for column in ("audio", "audio.list.element", "n", "none"):
        with pytest.raises(FlowError):
            found(path, column)


def test_a_damaged_file_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    write(path, [b"first", b"second", b"third"], write_statistics=False, nullable=False)
    raw = bytearray(path.read_bytes())
    place = raw.index(b"\x06\x00\x00\x00second")
    raw[place] = 7
    path.write_bytes(raw)
    with pytest.raises(FlowError, match="damaged"):
        found(path)


def test_thrift_structs() -> None:
    # {1: 5, 2: true, 3: "ab", 20: [1, -1], 21: {1: false}}
    data = bytes([0x15, 10, 0x11, 0x18, 2, 97, 98, 0x09, 40, 0x25, 2, 1, 0x1C, 0x12, 0, 0])
    fields, end = read_struct(memoryview(data), 0)
    assert (fields[1], fields[2], fields[21], end) == (5, True, {1: False}, len(data))
    for cut in range(len(data)):
        with pytest.raises(IndexError):
            read_struct(memoryview(data[:cut]), 0)
