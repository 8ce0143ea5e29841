from __future__ import annotations

import bz2
import gzip
import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.acquire import compression
from jobs.acquire.compression import compression_of, decompress, open_stream
from jobs.acquire.file_guard import RejectedError


def zstd(data):
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return out.getvalue().to_pybytes()


COMPRESS = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": zstd}


@pytest.mark.parametrize("kind", COMPRESS)
@settings(deadline=None)
@given(parts=st.lists(st.binary(max_size=100), min_size=1, max_size=3))
def test_all_members_are_read(kind, parts):
    data = b"".join(COMPRESS[kind](part) for part in parts)
    assert compression_of(data) == kind
    assert decompress(data, kind, 1000) == b"".join(parts)


def test_not_all_that_is_left_is_looked_at_for_each_of_many_members():
    assert decompress(gzip.compress(b"x") * 20_000, "gzip", 1 << 20) == b"x" * 20_000


@pytest.mark.parametrize("kind", COMPRESS)
def test_damaged_and_large_files_are_refused(kind):
    with pytest.raises(RejectedError, match="holds more than 1000 bytes"):
        decompress(COMPRESS[kind](b"x" * 10_000), kind, 1000)
    with pytest.raises(RejectedError, match=r"cut off|damaged: Truncated|damaged: .*ended"):
        decompress(COMPRESS[kind](bytes(range(256)) * 20)[:-9], kind, 1 << 20)
    with pytest.raises(RejectedError, match="damaged"):
        decompress(COMPRESS[kind](b"")[: 10 if kind == "gzip" else 4] + b"\xffnonsense" * 9, kind, 1000)


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_bomb_ends_before_it_is_unpacked(kind, monkeypatch):
    monkeypatch.setattr(compression, "_LEAST", 1 << 16)
    monkeypatch.setattr(compression, "_RATIO", 10)
    data = COMPRESS[kind](bytes(1 << 20))
    with open_stream(io.BytesIO(data), kind, len(data)) as stream, pytest.raises(RejectedError, match="bomb"):
        list(iter(lambda: stream.read(1 << 12), b""))


def test_what_stands_before_damage_is_read():
    lines = b"".join(b"line %d %s\n" % (n, bytes(str(n * 7919), "ascii") * 20) for n in range(20_000))
    data = gzip.compress(lines)
    with open_stream(io.BytesIO(data[: len(data) // 2]), "gzip", len(data)) as stream:
        assert stream.readline().startswith(b"line 0 ")
        with pytest.raises(EOFError):
            list(stream)
