from __future__ import annotations

import base64
import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.fields import fields_of
from jobs.acquire.records.record import Record

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["text", "id", "a", "bytes"]) | st.text(), inner),
)


def said(values, modality="text", **declared):
    return fields_of(Record(1, "row 1", values), Records(**declared).resolved("a.jsonl", modality), modality)


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2024-05-01T10:00:00+02:00", "2024-05-01T08:00:00+00:00"),
        ("2024-05-01", "2024-05-01T00:00:00+00:00"),
        ("Wed, 01 May 2024 10:00:00 GMT", "2024-05-01T10:00:00+00:00"),
        (1714557600, "2024-05-01T10:00:00+00:00"),
        ("1714557600", "2024-05-01T10:00:00+00:00"),
        (1714557600000, "2024-05-01T10:00:00+00:00"),
        (dt.date(2024, 5, 1), "2024-05-01T00:00:00+00:00"),
        (dt.datetime(2024, 5, 1, 10, tzinfo=dt.UTC), "2024-05-01T10:00:00+00:00"),
        ("yesterday", None),
        (1e300, None),
        ("9999999-99-99", None),
    ],
)
def test_times(value, time):
    found = said({"text": "x", "at": value}, time="at").time
    assert (found and found.isoformat()) == time


def test_media_are_bytes_objects_of_them_or_base64():
    for value in (b"abc", {"bytes": b"abc", "path": None}, base64.b64encode(b"abc").decode()):
        assert said({"image": value}, "image").media == b"abc"
    for value, words in (
        ({"bytes": None, "path": "a.png"}, "the name of a file, not its bytes"),
        ("images/1.png", "a text, but not Base64"),
        (7, "is a int, not bytes"),
        (None, "it has no 'image', which is its medium"),
    ):
        with pytest.raises(RejectedError, match=words):
            said({"image": value}, "image")


def test_what_a_sample_needs_must_be_there_and_be_a_text():
    for values, words in (
        ({"id": "1"}, "it has no 'text', which is its text"),
        ({"text": ["x"], "id": "1"}, "is a list, not a text"),
        ({"text": "x\0", "id": "1"}, "NUL"),
        ({"text": b"\xff", "id": "1"}, "not UTF-8 at byte 0"),
        ({"text": "x"}, "it has no 'id', which is its id"),
        ({"text": "x", "id": " "}, "its id, is empty"),
        ({"text": "x", "id": True}, "is a bool, not a text"),
        ({"text": "x" * 5000, "id": "y" * 5000}, "longer than 4096"),
    ):
        with pytest.raises(RejectedError, match=words):
            said(values, id="id")
    with pytest.raises(RejectedError, match="more than 10 bytes: 11"):
        said({"text": "x" * 11}, max_bytes=10)


def test_a_field_may_be_nested_and_its_own_name_comes_first():
    assert said({"a": {"b": "inner"}, "a.b": "own"}, text="a.b").text == "own"
    assert said({"a": {"b": "inner"}}, text="a.b").text == "inner"
    assert said({"text": "x", "id": 7}, id="id").id == "7"
    assert said({"text": "x", "l": ["deu"]}, language="l").language == "de"


@given(JSON, st.sampled_from(["text", "image"]))
def test_any_value_gives_fields_or_a_reason(value, modality):
    values = value if isinstance(value, dict) else {"text": value, "image": value}
    with contextlib.suppress(RejectedError):
        assert said(values, modality, id="id", time="text", language="a", license="a", url="a", title="a").id
