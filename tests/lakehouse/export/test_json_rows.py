from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import math
import uuid

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from lakehouse.errors import ExportError
from lakehouse.export.json_rows import JsonRows

D = decimal.Decimal


def encode(values, kind, **options):
    batch = pa.record_batch({"x": pa.array(values, kind)})
    lines = JsonRows(batch.schema, **options).encode(batch).decode().split("\n")
    assert lines.pop() == ""
    return [json.loads(line, parse_constant=pytest.fail)["x"] for line in lines]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (pa.int64(), [2**63 - 1, -(2**53) - 1, None], [2**63 - 1, -(2**53) - 1, None]),
        (pa.uint64(), [2**64 - 1], [2**64 - 1]),
        (pa.decimal128(10, 2), [D("1.10"), D("-0.05"), None], ["1.10", "-0.05", None]),
        (pa.decimal128(38, 0), [D(10**37), D(-1)], [10**37, -1]),
        (pa.decimal128(38, 38), [D("1e-38")], [f"0.{'0' * 37}1"]),
        (pa.binary(), [b"\x00\xff", b"", None], ["AP8=", "", None]),
        (pa.large_binary(), [b"ab"], ["YWI="]),
        (pa.binary_view(), [b"ab"], ["YWI="]),
        (pa.binary(2), [b"ab"], ["YWI="]),
        (pa.date32(), [dt.date(1, 1, 1), dt.date(2020, 2, 29)], ["0001-01-01", "2020-02-29"]),
        (pa.timestamp("us", "UTC"), [dt.datetime(2020, 1, 2, 3, 4, 5, 6, dt.UTC)], ["2020-01-02T03:04:05.000006+00:00"]),
        (pa.timestamp("us"), [1577934245600000], ["2020-01-02T03:04:05.600000"]),
        (pa.timestamp("ns"), [1], ["1970-01-01T00:00:00.000000001"]),
        (pa.timestamp("us", "Asia/Tokyo"), [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)], ["2020-01-01T09:00:00.000000+09:00"]),
        (pa.time64("us"), [dt.time(1, 2, 3)], ["01:02:03"]),
        (pa.map_(pa.string(), pa.int32()), [[("b", 1), ("a", None), ("b", 2)], [], None],
         [[{"key": "b", "value": 1}, {"key": "a", "value": None}, {"key": "b", "value": 2}], [], None]),
        (pa.map_(pa.int32(), pa.binary()), [[(1, b"a")]], [[{"key": 1, "value": "YQ=="}]]),
        (pa.list_(pa.map_(pa.string(), pa.int8())), [[[("a", 1)], None]], [[[{"key": "a", "value": 1}], None]]),
        (pa.list_(pa.binary()), [[b"a", None], None, []], [["YQ==", None], None, []]),
        (pa.list_(pa.decimal128(5, 1), 2), [[D("1.5"), D("2.0")], None], [["1.5", "2.0"], None]),
        (pa.large_list(pa.timestamp("s")), [[0]], [["1970-01-01T00:00:00.000"]]),
        (pa.struct([("a", pa.binary()), ("b", pa.int8())]), [{"a": b"a", "b": 1}, None, {"a": None, "b": None}],
         [{"a": "YQ==", "b": 1}, None, {"a": None, "b": None}]),
        (pa.list_(pa.struct([("a", pa.list_(pa.binary()))])), [[{"a": [b"a"]}, None]], [[{"a": ["YQ=="]}, None]]),
        (pa.struct([]), [{}, None], [{}, None]),
        (pa.bool_(), [True, False, None], [True, False, None]),
        (pa.null(), [None], [None]),
        (pa.string_view(), ["x"], ["x"]),
        (pa.float16(), [np.float16(1.5)], [1.5]),
    ],
    ids=str,
)  # fmt: skip
def test_values_that_json_lacks_have_one_form_a_type(kind, values, expected):
    assert encode(values, kind) == expected


def test_dictionaries_are_their_values():
    batch = pa.record_batch({"x": pa.array(["a", None, "a"]).dictionary_encode()})
    assert JsonRows(batch.schema).encode(batch) == b'{"x":"a"}\n{"x":null}\n{"x":"a"}\n'


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()])
def test_large_integers_may_be_text(kind):
    assert encode([2**53 + 1, None, 1], kind, integers="string") == [str(2**53 + 1), None, "1"]
    assert encode([[2**53 + 1]], pa.list_(kind), integers="string") == [[str(2**53 + 1)]]
    assert encode([1], pa.int32(), integers="string") == [1]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("kind", "wrap"),
    [
        (pa.float64(), lambda x: x),
        (pa.float32(), lambda x: x),
        (pa.float16(), lambda x: None if x is None else np.float16(x)),
        (pa.list_(pa.float64()), lambda x: [1.0, x]),
        (pa.struct([("a", pa.float32())]), lambda x: {"a": x}),
        (pa.map_(pa.string(), pa.float64()), lambda x: [("a", x)]),
        (pa.list_(pa.struct([("a", pa.list_(pa.float64(), 1))])), lambda x: [{"a": [x]}]),
    ],
    ids=lambda value: str(value) if isinstance(value, pa.DataType) else "",
)
def test_nan_and_infinities_are_refused_or_null_wherever_they_are(kind, wrap, bad):
    with pytest.raises(ExportError, match="'x' has 1 values that are NaN or infinite"):
        encode([wrap(bad)], kind)
    as_null = encode([wrap(bad)], kind, nan="null")
    assert as_null == encode([wrap(None)], kind)


def test_what_hides_under_a_null_is_no_value():
    hidden = pa.StructArray.from_arrays([pa.array([math.nan, 1.0])], ["a"], mask=pa.array([True, False]))
    batch = pa.record_batch({"x": hidden})
    assert JsonRows(batch.schema).encode(batch) == b'{"x":null}\n{"x":{"a":1.0}}\n'


@pytest.mark.parametrize(
    "kind",
    [
        pa.decimal256(60, 2),
        pa.month_day_nano_interval(),
        pa.list_(pa.month_day_nano_interval()),
        pa.sparse_union([pa.field("a", pa.int8())]),
        pa.uuid(),
    ],
    ids=str,
)
def test_types_that_json_cannot_hold_are_refused_by_name(kind):
    with pytest.raises(ExportError, match=r"JSON cannot hold the column 'x' .* cast it"):
        JsonRows(pa.schema([("x", kind)]))


def test_binary_may_be_refused():
    with pytest.raises(ExportError, match="binary=base64"):
        JsonRows(pa.schema([("x", pa.list_(pa.binary()))]), binary="refuse")


def test_rules_name_the_columns_that_they_change():
    schema = pa.schema([("a", pa.int64()), ("b", pa.map_(pa.string(), pa.binary())), ("c", pa.timestamp("us"))])
    assert JsonRows(schema).rules == (
        "b: binary is base64",
        "b: maps are lists of {key, value}",
        "c: times are ISO 8601 text",
    )


@given(st.lists(st.text() | st.none(), min_size=1))
def test_any_text_reads_back(values):
    assert encode(values, pa.string()) == values


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_any_finite_number_reads_back(values):
    assert encode(values, pa.float64()) == values
    singles = [x for x in values if abs(x) < 3e38]
    if singles:
        found = np.array(encode(singles, pa.float32()), np.float64).astype(np.float32)
        assert np.array_equal(found, np.array(singles, np.float32))


@given(st.lists(st.binary() | st.none(), min_size=1))
def test_any_bytes_read_back(values):
    assert [None if text is None else base64.b64decode(text) for text in encode(values, pa.binary())] == values


def test_a_slice_of_rows_is_those_rows():
    batch = pa.record_batch({"x": pa.array([[(str(n), n)] for n in range(5)], pa.map_(pa.string(), pa.int64()))})
    assert JsonRows(batch.schema).encode(batch.slice(3, 1)) == b'{"x":[{"key":"3","value":3}]}\n'


def test_odd_names_of_columns_stay():
    name = f'a"\n{uuid.UUID(int=1)}'
    batch = pa.record_batch({name: pa.array([1])})
    assert json.loads(JsonRows(batch.schema).encode(batch)) == {name: 1}
