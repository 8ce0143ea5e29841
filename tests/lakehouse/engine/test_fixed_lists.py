from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.engine.conform_types import MisfitError
from lakehouse.engine.fixed_lists import fixed_columns, in_declared_types, with_plain_lists, with_types
from lakehouse.errors import FlowError

PAIR = pa.list_(pa.int64(), 2)
PLAIN = pa.list_(pa.int64())
KINDS = [
    (PAIR, PLAIN, [[1, 2], None]),
    (pa.list_(PAIR), pa.list_(PLAIN), [[[1, 2], None], None, []]),
    (pa.list_(PAIR, 1), pa.list_(PLAIN), [[[1, None]], [None], None]),
    (pa.struct([("a", PAIR), ("b", pa.string())]), pa.struct([("a", PLAIN), ("b", pa.string())]),
     [{"a": [1, 2], "b": "x"}, {"a": None, "b": None}, None]),
    (pa.map_(pa.string(), PAIR), pa.map_(pa.string(), PLAIN), [[("k", [1, 2]), ("l", None)], None, []]),
]  # fmt: skip


@pytest.mark.parametrize(("fixed", "plain", "values"), KINDS)
def test_lists_of_a_fixed_size_become_plain_and_come_back(fixed, plain, values):
    for rows in (
        pa.record_batch({"v": pa.array(values, fixed), "n": [1] * len(values)}),
        pa.table({"v": pa.array(values, fixed).slice(1), "n": [1] * (len(values) - 1)}),
    ):
        types = fixed_columns(rows.schema)
        assert types == {"v": fixed}
        made = with_plain_lists(rows)
        assert (type(made), made.schema.field("v").type) == (type(rows), plain)
        assert made.column("v").to_pylist() == rows.column("v").to_pylist()
        assert with_types(made, {**types, "other": fixed}).equals(rows)


def test_a_list_of_another_length_is_refused_and_other_columns_stay():
    rows = pa.record_batch({"v": pa.array([[1]], PLAIN)})
    with pytest.raises(MisfitError, match="a list of 1 elements, not 2"):
        with_types(rows, {"v": PAIR})
    with pytest.raises(FlowError, match=r"flows.f was given a stored value .*: in 'v' a list of 1 elements, not 2"):
        in_declared_types(rows, {"v": PAIR}, "flows.f")
    assert with_types(rows, {}) is rows
    assert with_plain_lists(rows) is rows
