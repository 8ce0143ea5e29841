from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.records import json_array
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.json_array import read

VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


def records(data, **said):
    data = data if isinstance(data, bytes) else data.encode()
    declared = Records(**said).resolved("a.json", "text")
    return [(r.number, r.problem or dict(r.values)) for r in read(io.BufferedReader(io.BytesIO(data)), declared)]


@given(st.lists(st.dictionaries(st.text(), VALUES), max_size=5), st.sampled_from([None, 1]), st.integers(1, 40))
def test_an_array_is_read_in_pieces(rows, indent, piece):
    before, json_array._PIECE = json_array._PIECE, piece
    try:
        found = records("\ufeff " + json.dumps(rows, ensure_ascii=False, indent=indent) + "\n")
    finally:
        json_array._PIECE = before
    assert found == list(enumerate(rows, 1))


def test_what_is_no_object_is_a_problem_and_lines_are_read_as_lines():
    assert records('[1, {"a": 2}, "x", 12345]') == [
        (1, "it is not a JSON object, but a int"),
        (2, {"a": 2}),
        (3, "it is not a JSON object, but a str"),
        (4, "it is not a JSON object, but a int"),
    ]
    assert records('{"a": 1}\n{"a": 2}\n') == [(1, {"a": 1}), (2, {"a": 2})]
    assert records("[]") == []
    long = '[{"a": "' + "x" * 500 + '"}, {"a": 1}]'
    assert records(long, max_bytes=100) == [(1, "longer than 100 characters"), (2, {"a": 1})]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('[{"a": 1}, {"a"', "record 2 is not JSON"),
        ('[{"a": 1}', "the array is cut off"),
        ('[{"a": 1} {"a": 2}]', "no comma behind record 1"),
        ("[" * 100_000, "record 1 is"),
    ],
)
def test_what_cannot_be_told_apart_ends_the_file_with_its_place(data, words):
    with pytest.raises(RejectedError, match=words):
        records(data, max_bytes=100)
