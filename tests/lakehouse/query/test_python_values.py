from __future__ import annotations

import pyarrow as pa

from lakehouse.query.python_values import to_rows


def test_maps_are_lists_of_pairs_where_json_has_no_names_of_their_keys():
    point = pa.struct([("x", pa.int64())])
    by_point = pa.map_(point, pa.map_(pa.string(), pa.int64()))
    columns = {
        "a": pa.array([[({"x": 1}, [("k", 2)])], None], by_point),
        "b": pa.array([[[("k", 1)]], [[("k", 1), ("k", 2)]]], pa.list_(pa.map_(pa.string(), pa.int64()))),
        "c": pa.array([{"m": [(b"k", 1)]}, {"m": []}], pa.struct([("m", pa.map_(pa.binary(), pa.int64()))])),
    }
    assert to_rows(pa.table(columns)) == [
        {"a": [[{"x": 1}, {"k": 2}]], "b": [{"k": 1}], "c": {"m": [[b"k", 1]]}},
        {"a": None, "b": [[["k", 1], ["k", 2]]], "c": {"m": []}},
    ]
