from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.export.portable_types import cast_batch, children, is_binary, portable_schema, portable_type

PAIR = pa.struct([("key", pa.string()), ("value", pa.int32())])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.map_(pa.string(), pa.int32()), pa.list_(PAIR)),
        (pa.list_(pa.map_(pa.string(), pa.int32()), 2), pa.list_(pa.list_(PAIR), 2)),
        (pa.large_list(pa.dictionary(pa.int8(), pa.string())), pa.large_list(pa.string())),
        (pa.struct([("a", pa.binary(3))]), pa.struct([("a", pa.binary())])),
        (pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC")),
    ],
    ids=str,
)
def test_types_become_those_that_other_readers_know(kind, expected):
    assert portable_type(kind) == expected


def test_rows_keep_their_values():
    values = [[("b", 1), ("a", None), ("b", 2)], None, []]
    batch = pa.record_batch(
        {
            "m": pa.array(values, pa.map_(pa.string(), pa.int32())),
            "d": pa.array(["x", None, "x"]).dictionary_encode(),
            "n": pa.array([[[("a", 1)]], [None], None], pa.list_(pa.map_(pa.string(), pa.int32()))),
        }
    )
    found = cast_batch(batch, portable_schema(batch.schema))
    pairs = [None if value is None else [{"key": key, "value": item} for key, item in value] for value in values]
    assert found.to_pydict() == {
        "m": pairs,
        "d": ["x", None, "x"],
        "n": [[[{"key": "a", "value": 1}]], [None], None],
    }
    assert found.slice(0, 1).to_pydict()["m"] == pairs[:1]


def test_bytes_are_told_from_texts():
    kinds = [pa.binary(), pa.large_binary(), pa.binary(2), pa.binary_view(), pa.string(), pa.list_(pa.binary())]
    assert [is_binary(kind) for kind in kinds] == [True, True, True, True, False, False]
    assert children(pa.list_(pa.int8())) == children(pa.dictionary(pa.int8(), pa.int8())) == [pa.int8()]
    assert children(pa.int8()) == []
