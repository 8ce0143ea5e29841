from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lakehouse.embedded.unreadable import (
    invalid_texts,
    with_key_twice,
    with_valid_texts,
    without_maps_of_equal_keys,
)

NAN = float("nan")
# NaNs of other bits, too.
OTHER_NAN = float(np.array([0xFFF8000000000001], np.uint64).view(np.float64)[0])
NESTED = pa.struct([("a", pa.float64()), ("b", pa.list_(pa.string()))])


def text(*values):
    made = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(made), made.buffers(), made.null_count)


BAD = text(b"\xffA", b"ok", None, b"\xe2\x82", "ä".encode(), b"\xed\xa0\x80")


def test_invalid_texts_are_found_and_replaced():
    assert invalid_texts(BAD).tolist() == [True, False, False, True, False, True]
    assert invalid_texts(BAD.slice(1, 2)).tolist() == [False, False]
    assert with_valid_texts(BAD).to_pylist() == ["\ufffdA", "ok", None, "\ufffd", "ä", "\ufffd" * 3]
    assert with_valid_texts(BAD.slice(1, 2)).to_pylist() == ["ok", None]


@pytest.mark.parametrize("begin", [0, 1])
@pytest.mark.parametrize(
    "nested",
    [
        pa.FixedSizeListArray.from_arrays(BAD, 2),
        pa.ListArray.from_arrays(pa.array([0, None, 2, 6], pa.int32()), BAD),
        pa.StructArray.from_arrays([BAD], ["x"], mask=pa.array([False, False, True] * 2)),
        pa.MapArray.from_arrays(pa.array([0, 1, 4], pa.int32()), text(b"\xff", b"\xfe", b"a", b"b"), BAD.slice(0, 4)),
    ],
    ids=lambda array: str(array.type),
)
def test_texts_are_replaced_at_any_depth(nested, begin):
    array = nested.slice(begin)
    made = with_valid_texts(array)
    made.validate(full=True)
    assert (made.type, len(made), made.is_null()) == (array.type, len(array), array.is_null())
    assert "\ufffd" in str(made.to_pylist())


@pytest.mark.parametrize(
    ("kind", "twice", "once"),
    [
        (pa.string(), ["a", "b", "a"], ["a", "A", ""]),
        (pa.float64(), [0.0, -0.0], [0.0, 1.0]),
        (pa.float32(), [NAN, 1.0, NAN], [NAN, 1.0]),
        (pa.float64(), [NAN, OTHER_NAN], [OTHER_NAN]),
        (pa.binary(), [b"\xff", b"\xff"], [b"\xff", b"\xfe"]),
        (NESTED, [{"a": 0.0, "b": ["x"]}, {"a": -0.0, "b": ["x"]}], [{"a": 0.0, "b": []}, {"a": 0.0, "b": None}]),
        (pa.list_(pa.int8()), [[1, None], [1, None]], [[1], [1, 1], [], [None]]),
    ],
    ids=str,
)
def test_equal_keys_are_found(kind, twice, once):
    rows = [[(key, n) for n, key in enumerate(keys)] for keys in (once, twice, [], once)]
    array = pa.array([*rows, None], pa.map_(kind, pa.int64()))
    assert with_key_twice(array).tolist() == [False, True, False, False, False]
    assert with_key_twice(array.slice(2)).tolist() == [False] * 3


def test_values_that_hold_such_maps_are_hidden():
    kind = pa.list_(pa.map_(pa.string(), pa.int64()))
    rows = pa.record_batch({"x": pa.array([[[("a", 1)], [("b", 1), ("b", 2)]], [[("a", 1)]], None], kind)})
    assert without_maps_of_equal_keys(rows).column("x").to_pylist() == [None, [[("a", 1)]], None]
