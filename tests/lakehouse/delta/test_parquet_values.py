from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.delta.parquet_values import decode_hybrid, locate_values
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


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.binary(max_size=60), st.sampled_from([b"a", b"bb"])), max_size=60),
    nullable=st.booleans(),
    version=st.sampled_from(["1.0", "2.0"]),
    group=st.integers(1, 40),
    page=st.sampled_from([1, 64, 1 << 20]),
    statistics=st.booleans(),
    checksum=st.booleans(),
    dictionary=st.booleans(),
)
def test_every_value_lies_where_it_is_said_to(
    values, nullable, version, group, page, statistics, checksum, dictionary
) -> None:
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
            use_dictionary=dictionary,
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


@pytest.mark.parametrize("distinct", [1, 2, 7, 300])
def test_values_in_a_dictionary_are_addressed_there(tmp_path: Path, distinct: int) -> None:
    rng = np.random.default_rng(distinct)
    values = [b"clip %d" % i for i in rng.integers(0, distinct, 2000)]
    path = tmp_path / "part.parquet"
    write(path, values, use_dictionary=True, write_batch_size=100, data_page_size=512)
    assert pq.ParquetFile(path).metadata.row_group(0).column(1).has_dictionary_page
    assert found(path) == values


def test_a_dictionary_that_grew_too_large_is_given_up_half_way(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = [rng.bytes(100) for _ in range(400)]
    path = tmp_path / "part.parquet"
    write(path, values, use_dictionary=True, dictionary_pagesize_limit=5000, data_page_size=2000)
    assert "PLAIN" in pq.ParquetFile(path).metadata.row_group(0).column(1).encodings
    assert found(path) == values


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.data())
def test_hybrid_runs(width: int, data: st.DataObject) -> None:
    runs = data.draw(
        st.lists(st.tuples(st.booleans(), st.integers(1, 4), st.integers(0, 2**width - 1)), min_size=1, max_size=6)
    )
    coded, wanted = bytearray(), []
    for packed, n, value in runs:
        if packed:
            group = [(value + i) % 2**width for i in range(8 * n)]
            coded += bytes([n << 1 | 1]) + sum(v << (i * width) for i, v in enumerate(group)).to_bytes(
                n * width, "little"
            )
            wanted += group
        else:
            coded += bytes([n << 1]) + value.to_bytes((width + 7) // 8, "little")
            wanted += [value] * n
    count = len(wanted) - (data.draw(st.integers(0, 7)) if runs[-1][0] else 0)
    assert decode_hybrid(memoryview(bytes(coded)), count, width).tolist() == wanted[:count]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"compression": "snappy"}, "SNAPPY"),
        ({"compression": "zstd"}, "ZSTD"),
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
