from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.delta.parquet_pages import (
    DATA_PAGE,
    DATA_PAGE_V2,
    DICTIONARY_PAGE,
    PLAIN,
    RLE_DICTIONARY,
    chunk_range,
    parse_page_header,
    read_page_header,
    read_struct,
)


def test_thrift_structs() -> None:
    # {1: 5, 2: true, 3: "ab", 20: [1, -1], 21: {1: false}}
    data = bytes([0x15, 10, 0x11, 0x18, 2, 97, 98, 0x09, 40, 0x25, 2, 1, 0x1C, 0x12, 0, 0])
    fields, end = read_struct(memoryview(data), 0)
    assert (fields[1], fields[2], fields[21], end) == (5, True, {1: False}, len(data))
    for cut in range(len(data)):
        with pytest.raises(IndexError):
            read_struct(memoryview(data[:cut]), 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bytes([0x1E, 0]), "unknown Thrift type 14"),
        (bytes([0x15, *[0xFF] * 12, 0, 0]), "longer than 64 bits"),
    ],
)
def test_what_is_not_a_struct_is_refused(data, words):
    with pytest.raises(ValueError, match=words):
        read_struct(memoryview(data), 0)


def headers(path, column=0):
    """Return the page headers of a column's first chunk."""
    chunk = pq.read_metadata(path).row_group(0).column(column)
    at, end = chunk_range(chunk)
    found = []
    with pa.memory_map(str(path), "r") as source:
        while at < end:
            header, at = read_page_header(source, at, end)
            found.append(header)
            at += header.stored
    assert at == end
    return found


@pytest.mark.parametrize(("version", "kind"), [("1.0", DATA_PAGE), ("2.0", DATA_PAGE_V2)])
@pytest.mark.parametrize("checksum", [True, False])
def test_a_header_says_what_the_page_holds(tmp_path, version, kind, checksum):
    path = tmp_path / "a.parquet"
    values = pa.table({"n": pa.array([b"one", None, b"three"])})
    options = {"compression": "none", "data_page_version": version, "write_page_checksum": checksum}
    pq.write_table(values, path, use_dictionary=False, **options)
    (header,) = headers(path)
    assert (header.kind, header.values, header.encoding, header.has_checksum) == (kind, 3, PLAIN, checksum)
    assert header.nulls == (1 if kind == DATA_PAGE_V2 else 0)
    assert header.size == header.stored
    pq.write_table(values, path, use_dictionary=True, **options)
    first, second = headers(path)
    assert (first.kind, first.values, second.encoding) == (DICTIONARY_PAGE, 2, RLE_DICTIONARY)


def test_a_header_longer_than_the_first_read_is_read_whole(tmp_path):
    path = tmp_path / "a.parquet"
    values = pa.table({"n": [b"a" * 6000, b"z" * 6000]})
    pq.write_table(values, path, compression="none", use_dictionary=False, write_statistics=True)
    (header,) = headers(path)
    assert header.values == 2


def test_a_header_that_breaks_off_or_lacks_a_field_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(bytes([0x15]))
    with pa.memory_map(str(path), "r") as source, pytest.raises(ValueError, match="truncated"):
        read_page_header(source, 0, 1)
    with pytest.raises(ValueError, match="lacks"):
        parse_page_header(memoryview(bytes([0x15, 0, 0])), 0)
