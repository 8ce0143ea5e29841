from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.query.row_diff import column_differences, count_differences

ROWS = pa.table(
    {
        "id": ["a", "b", "c", "d"],
        "x": [1.0, float("nan"), None, 4],
        "many": [[1], [2, 3], None, []],
        "map": pa.array([[("k", 1)], [], None, [("a", 2), ("b", 3)]], pa.map_(pa.string(), pa.int64())),
        "bytes": [b"", b"\x00", None, b"x"],
    }
)


def changed(name, row, value):
    values = ROWS[name].to_pylist()
    values[row] = value
    return ROWS.set_column(ROWS.column_names.index(name), name, pa.array(values, ROWS[name].type))


def test_equal_rows_in_another_order_are_equal():
    assert column_differences(ROWS, ROWS.take(pa.array([3, 1, 0, 2])), ["id"]) == []
    assert column_differences(ROWS, ROWS.take(pa.array([3, 1, 0, 2])), []) == []


def test_the_column_and_the_row_are_named():
    for name, value in (("x", 2.0), ("many", [2, 4]), ("bytes", b"\x01"), ("map", [("k", 1)]), ("x", None)):
        (found,) = column_differences(ROWS, changed(name, 1, value), ["id"])
        assert (found.column, found.key, found.rows) == (name, {"id": "b"}, 1)
        assert found.values[1] == value


def test_an_empty_value_is_not_a_missing_one():
    (found,) = column_differences(ROWS, changed("many", 2, []), ["id"])
    assert (found.column, found.values) == ("many", (None, []))
    (found,) = column_differences(ROWS, changed("bytes", 2, b""), ["id"])
    assert found.values == (None, b"")


def test_rows_that_are_in_one_set_only_are_told_with_their_key():
    (found,) = column_differences(ROWS, ROWS.slice(1), ["id"])
    assert (found.column, found.key, found.values, found.rows) == ("", {"id": "a"}, (1, 0), 1)
    (found,) = column_differences(ROWS, pa.concat_tables([ROWS, ROWS.slice(3)]), ["id"])
    assert (found.column, found.key, found.values) == ("", {"id": "d"}, (0, 1))


def test_rows_without_a_key_are_compared_whole():
    (found,) = column_differences(ROWS, changed("x", 0, 9.0), [])
    assert (found.column, found.rows, found.key["id"]) == ("", 2, "a")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2))), st.randoms(use_true_random=False))
def test_it_tells_sets_of_rows_apart_as_sorting_them_does(rows, random):
    other = list(rows)
    random.shuffle(other)
    if other and random.random() < 0.5:
        other[0] = (other[0][0], random.randrange(3))
    tables = [
        pa.table({"k": [k for k, _ in r], "v": [v for _, v in r]}, pa.schema({"k": pa.int64(), "v": pa.int64()}))
        for r in (rows, other)
    ]
    for key in ([], ["k"], ["k", "v"]):
        assert (column_differences(*tables, key) == []) == (sorted(rows) == sorted(other))


def test_floats_are_equal_bit_for_bit():
    table = pa.table({"id": ["a"], "x": np.array([0.1])})
    other = pa.table({"id": ["a"], "x": np.nextafter([0.1], 1)})
    assert [d.column for d in column_differences(table, other, ["id"])] == ["x"]


def counts(first, second, key, columns=None):
    with duckdb.connect(":memory:") as engine:
        found = count_differences(engine, first, second, columns or second.column_names, key)
    return found.added, found.removed, found.changed


def test_rows_are_counted_by_key_and_without_one():
    assert counts(ROWS, ROWS.take(pa.array([3, 1, 0, 2])), ["id"]) == (0, 0, 0)
    assert counts(ROWS, changed("many", 1, [2, 4]), ["id"]) == (0, 0, 1)
    assert counts(ROWS, changed("many", 1, [2, 4]), []) == (1, 1, 0)
    assert counts(ROWS, changed("many", 2, []), ["id"]) == (0, 0, 1)
    assert counts(ROWS, changed("x", 1, 2.0), ["id"]) == (0, 0, 1)
    assert counts(ROWS, ROWS.slice(1), ["id"]) == (0, 1, 0)
    assert counts(None, ROWS, ["id"]) == (4, 0, 0)
    assert counts(ROWS, None, ["id"], ["id"]) == (0, 4, 0)
    assert counts(None, None, ["id"], ["id"]) == (0, 0, 0)
    # Duplicates count, and keys that are null are compared like others.
    twice = pa.concat_tables([ROWS, ROWS])
    assert counts(ROWS, twice, []) == counts(ROWS, twice, ["id"]) == (4, 0, 0)
    nameless = changed("id", 0, None)
    assert counts(nameless, nameless, ["id"]) == (0, 0, 0)


def test_the_order_of_a_maps_entries_makes_no_difference():
    other = changed("map", 3, [("b", 3), ("a", 2)])
    assert counts(ROWS, other, ["id"]) == (0, 0, 0)
    assert column_differences(ROWS, other, ["id"]) == []


def test_a_column_that_one_set_lacks_counts_as_null():
    assert counts(ROWS.drop_columns(["x"]), ROWS, ["id"]) == (0, 0, 3)
    assert counts(ROWS, ROWS.drop_columns(["x"]), [], ROWS.column_names) == (3, 3, 0)
    assert counts(ROWS, changed("x", 0, 9.0), ["id"], ["id", "many"]) == (0, 0, 0)


def test_names_of_columns_are_quoted():
    table = pa.table({'a."b': [1], "select": [2]})
    other = pa.table({'a."b': [1], "select": [3]})
    (found,) = column_differences(table, other, ['a."b'])
    assert (found.column, found.key, found.values) == ("select", {'a."b': 1}, (2, 3))
