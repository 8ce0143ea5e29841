from __future__ import annotations

from datetime import UTC
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.declare.column_types import nullable_inside
from lakehouse.engine.conform_arrays import conform_column, conform_rows, lists
from lakehouse.engine.conform_types import MisfitError
from tests.lakehouse.engine.nested_types import pairs, values

N, F, S = pa.int64(), pa.float64(), pa.string()
PLACE = pa.struct([("lat", F), ("lon", F)])


@settings(max_examples=50)
@given(pairs(), st.data())
def test_values_are_the_same_in_the_contracts_type(pair, data):
    found, wanted = pair
    rows = data.draw(st.lists(values(found, wanted), min_size=1, max_size=4))
    array = pa.array(rows, found)
    begin = data.draw(st.integers(0, len(rows)))
    for given_array in (array, array.slice(begin), pa.chunked_array([array, array.slice(begin)])):
        made = conform_column("c", given_array, wanted)
        made.validate(full=True)
        assert made.type == nullable_inside(wanted)
        assert plain(made.to_pylist()) == plain(given_array.to_pylist())


def plain(value):
    """Return a value with decimals as the nearest floats, and times in UTC without saying so."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    if hasattr(value, "hour"):
        return (value if value.tzinfo is None else value.astimezone(UTC)).replace(tzinfo=None)
    return value


def test_fields_go_by_name():
    rows = [{"lon": 2.35, "lat": 48.85}, None]
    assert conform_column("c", pa.array(rows), PLACE).to_pylist() == rows
    # What lies under nulls is no value.
    hidden = pa.StructArray.from_arrays([pa.array([2**40, 1])], ["a"], mask=pa.array([True, False]))
    assert conform_column("c", hidden, pa.struct([("a", pa.int32())])).to_pylist() == [None, {"a": 1}]


DIGITS = Decimal("12345678901234567.8")


@pytest.mark.parametrize(
    ("rows", "found", "wanted", "says"),
    [
        ([2**31], N, pa.int32(), "2147483648"),
        ([2**53 + 1], N, F, "9007199254740993"),
        ([2**24 + 1], N, pa.float32(), "16777217"),
        ([2**63], pa.uint64(), N, "9223372036854775808"),
        ([Decimal("1.25")], pa.decimal128(5, 2), pa.decimal128(5, 1), "data loss"),
        ([Decimal(100)], pa.decimal128(5, 2), pa.decimal128(4, 2), "precision 4"),
        ([Decimal("1.5")], pa.decimal128(5, 2), N, "data loss"),
        ([DIGITS], pa.decimal128(38, 18), F, "12345678901234567.8"),
        ([1000], N, pa.decimal128(4, 2), "precision 4"),
        ([1], pa.timestamp("ns"), pa.timestamp("us", "UTC"), "lose data"),
        ([2**62], pa.timestamp("s"), pa.timestamp("us"), "out of bounds"),
    ],
)
def test_a_value_that_would_change_is_refused_with_its_path(rows, found, wanted, says):
    for path, wrap, inside in (
        ("c", lambda kind: kind, lambda values: values),
        ("c[].x", lambda kind: pa.list_(pa.struct([("x", kind)])), lambda values: [[{"x": v} for v in values]]),
        ("c{value}", lambda kind: pa.map_(S, kind), lambda values: [[("k", v) for v in values]]),
    ):
        with pytest.raises(MisfitError) as raised:
            conform_column("c", pa.array(inside(rows), wrap(found)), wrap(wanted))
        assert f"'{path}'" in str(raised.value)
        assert says in str(raised.value)


def test_decimals_become_the_nearest_floats():
    given_rows = [Decimal("0.1"), Decimal("0.3"), Decimal("-1.000000000000000001"), None]
    made = conform_column("c", pa.array(given_rows[:2], pa.decimal128(38, 18)), F)
    assert made.to_pylist() == [0.1, 0.3]
    with pytest.raises(MisfitError, match="all digits"):
        conform_column("c", pa.array(given_rows, pa.decimal128(38, 18)), F)


def test_lists_of_a_fixed_size_have_that_many_elements():
    wanted = pa.list_(pa.float32(), 2)
    rows = [[1, 2], None, [3, None]]
    assert conform_column("c", pa.array(rows), wanted).to_pylist() == rows
    with pytest.raises(MisfitError, match="returned in 'c' a list of 1 elements, not 2"):
        conform_column("c", pa.array([[1, 2], [1]]), wanted)


def test_what_is_no_value_is_left_out_of_the_elements():
    offsets, mask = pa.array([0, 1, 2, 3], pa.int32()), pa.array([False, True, False])
    keys = pa.array(["a", "b", "c"])
    for made in (
        pa.MapArray.from_arrays(offsets, keys, pa.array([1, 2**40, 3]), mask=mask),
        pa.ListArray.from_arrays(offsets, pa.array([1, 2**40, 3]), mask=mask),
    ):
        starts, elements = lists(made)
        assert (starts.tolist(), len(elements)) == ([0, 1, 1, 2], 2)
        narrow = pa.map_(S, pa.int32()) if pa.types.is_map(made.type) else pa.list_(pa.int32())
        assert conform_column("c", made, narrow).to_pylist() == made.to_pylist()


def test_rows_have_the_columns_of_a_schema():
    schema = pa.schema([("id", N), ("place", PLACE)])
    rows = pa.table({"place": [{"lon": 1.0, "lat": 2.0}], "id": pa.array([1], pa.int8())})
    made = pa.table(conform_rows(rows, schema), schema=schema)
    assert made.to_pylist() == [{"id": 1, "place": {"lat": 2.0, "lon": 1.0}}]
    for wrong, says in (
        (rows.drop_columns("id"), "left out the column 'id'"),
        (rows.append_column("more", pa.array([1])), "a column 'more' that its schema does not have"),
        (rows.append_column("id", pa.array([1])), "the column 'id' twice"),
    ):
        with pytest.raises(MisfitError, match=says):
            conform_rows(wrong, schema)
