from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import math

import pyarrow as pa

from lakehouse.embedded.row_json import json_rows

NOON = dt.datetime(2024, 1, 31, 12, 0, 0, 123456, dt.UTC)
INNER = pa.struct([("x", pa.int32()), ("data", pa.binary())])
COLUMNS = {
    "text": (pa.string(), ['it\'s "ä" 𝔸\\\n\u0001', "", None]),
    "flag": (pa.bool_(), [True, False, None]),
    "n": (pa.int64(), [2**63 - 1, -1, None]),
    "f": (pa.float32(), [0.1, math.nan, None]),
    "d": (pa.float64(), [math.inf, -math.inf, None]),
    "e": (pa.float64(), [1e300, -0.0, None]),
    "price": (pa.decimal128(38, 18), [decimal.Decimal("12345678901234567890.000000000000000001"), decimal.Decimal(0), None]),
    "day": (pa.date32(), [dt.date(2024, 1, 31), dt.date(1, 1, 1), None]),
    "at": (pa.timestamp("us", "UTC"), [NOON, dt.datetime(1969, 12, 31, 23, 59, 59, 1, dt.UTC), None]),
    "local": (pa.timestamp("us"), [NOON.replace(tzinfo=None), dt.datetime(2024, 1, 1, tzinfo=dt.UTC).replace(tzinfo=None), None]),
    "data": (pa.binary(), [b"\x00\xff", b"", None]),
    "names": (pa.list_(pa.string()), [["a", None], [], None]),
    "pair": (pa.list_(pa.int32(), 2), [[1, None], [3, 4], None]),
    "inner": (INNER, [{"x": None, "data": b"\x00\xff"}, {"x": None, "data": None}, None]),
    "many": (pa.list_(INNER), [[{"x": 1, "data": None}, None], [], None]),
    "map": (pa.map_(pa.string(), pa.list_(pa.int32())), [[('k"', [1]), ("z", None)], [], None]),
    "by_number": (pa.map_(pa.int32(), pa.string()), [[(7, "a")], [(-1, None)], None]),
}  # fmt: skip


def rows():
    return pa.record_batch({name: pa.array(values, kind) for name, (kind, values) in COLUMNS.items()})


def test_each_type_is_written_as_json():
    first, second, nulls = map(json.loads, json_rows(rows()))
    digest = hashlib.sha256(b"\x00\xff").hexdigest()
    assert first == {
        "text": 'it\'s "ä" 𝔸\\\n\u0001', "flag": True, "n": 2**63 - 1, "f": 0.1, "d": "Infinity", "e": 1e300,
        "price": 12345678901234567890.000000000000000001, "day": "2024-01-31", "at": "2024-01-31T12:00:00.123Z",
        "local": "2024-01-31T12:00:00.123Z", "data": f"2 bytes {digest}", "names": ["a", None], "pair": [1, None],
        "inner": {"data": "AP8="}, "many": [{"x": 1}, None], "map": {'k"': [1], "z": None}, "by_number": {"7": "a"},
    }  # fmt: skip
    assert (second["f"], second["d"], second["inner"], second["by_number"]) == ("NaN", "-Infinity", {}, {"-1": None})
    assert (second["at"], second["local"]) == ("1969-12-31T23:59:59.000Z", "2024-01-01T00:00:00.000Z")
    assert nulls == {}
    assert '"price":12345678901234567890.000000000000000001' in json_rows(rows())[0]


def test_a_slice_is_written_like_the_whole():
    whole = json_rows(rows())
    assert [text for place in range(3) for text in json_rows(rows().slice(place, 1))] == whole
    assert json_rows(rows().slice(3)) == []


def test_a_time_that_python_has_not_is_written():
    late = pa.array([300_000_000_000_000_000, -(2**62)], pa.timestamp("us", "UTC"))
    assert all(isinstance(json.loads(text)["at"], str) for text in json_rows(pa.record_batch({"at": late})))


def test_spark_writes_the_same(spark):
    from pyspark.sql import functions as F

    batch = rows().drop_columns(["data"])
    frame = spark.createDataFrame(pa.Table.from_batches([batch]))
    theirs = [row[0] for row in frame.select(F.to_json(F.struct("*"))).collect()]
    assert [json.loads(text) for text in theirs] == [json.loads(text) for text in json_rows(batch)]
