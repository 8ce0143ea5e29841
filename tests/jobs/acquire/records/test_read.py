"""All formats: the same rows come from each, damaged files give problems and nothing is raised or lost silently."""

from __future__ import annotations

import gzip
import resource

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.acquire.compression import compression_of
from jobs.acquire.file_guard import RejectedError
from jobs.acquire.records import read as module
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.fields import fields_of
from jobs.acquire.records.read import read_records
from tests.jobs.acquire.planted_media import mutated
from tests.jobs.acquire.records.made import ROWS, json_lines, texts, zstd

FILES = texts()


def read(path, declared=None, modality="text"):
    """What each record says, or why it is refused, with its place."""
    resolved = (declared or Records()).resolved(path.name, modality)
    out = []
    for record in read_records(path, resolved, compression_of(path.read_bytes()[:64])):
        try:
            out.append((record.place, record.problem or fields_of(record, resolved, modality)))
        except RejectedError as rejected:
            out.append((record.place, str(rejected)))
    return out


def problems(found):
    return [(place, said) for place, said in found if isinstance(said, str)]


@pytest.mark.parametrize("name", FILES)
def test_each_format_gives_the_same_texts(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    found = read(path)
    assert problems(found) == []
    assert [said.text for _, said in found] == [row["text"] for row in ROWS]
    assert len({place for place, _ in found}) == len(ROWS)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_a_damaged_file_gives_records_and_problems_never_an_error(tmp_path_factory, name, seed):
    data = mutated(FILES[name], seed)
    path = tmp_path_factory.getbasetemp() / f"{seed}-{name}"
    path.write_bytes(data)
    try:
        found = read(path)
    finally:
        path.unlink()
    assert all(place for place, _ in found)
    assert len({place for place, _ in found}) == len(found)


def test_a_file_of_another_format_ends_after_its_first_records(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("not json\n" * 5000)
    found = problems(read(path))
    assert len(found) == 1001
    assert found[-1][1] == "of its first 1000 records none can be read as jsonl: the rest is not read"


def test_a_file_that_lacks_a_declared_column_is_refused_once(tmp_path):
    for name in ("a.csv", "a.parquet", "a.arrow"):
        path = tmp_path / name
        path.write_bytes(FILES[name])
        ((place, said),) = read(path, Records(text="body"))
        assert place == "the file"
        assert "there is no column 'body', which records declares: it has 'id', 'text', 'lang'" in said


def test_memory_does_not_grow_with_a_file(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        for _ in range(30):
            out.write(json_lines() * 400)
    count = 0
    declared = Records().resolved(path.name, "text")
    records = read_records(path, declared, "gzip")
    next(records)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = 1 + sum(1 for record in records if not record.problem)
    assert count == 30 * 400 * len(ROWS)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_a_bomb_is_refused_in_bounded_memory(tmp_path):
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(b"".join(zstd(bytes(8 << 20)) for _ in range(20)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = problems(read(path))
    assert "decompression bomb" in found[-1][1]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 << 10


def test_rows_that_repeat_a_value_without_end_are_refused(tmp_path):
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["x" * (1 << 20)]))
    pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet", compression="zstd")
    found = read(tmp_path / "a.parquet")
    assert len(found) < 200
    assert found[-1][1] == "its rows have more than 67108864 bytes: a decompression bomb"


def test_all_formats_have_a_reader():
    from typing import get_args

    from jobs.acquire.records.declaration import SUFFIXES, RecordFormat

    read_ = {*module._STREAMS, *module._IN_CHILD}
    assert set(get_args(RecordFormat)) - {"by-name", "huggingface", "document"} == read_
    assert {*SUFFIXES.values(), "json"} == read_
