from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.engine.groups import GroupCall, groups_of
from lakehouse.errors import FlowError

SCHEMA = pa.schema([("key", pa.string()), ("n", pa.int64())])


def call(function=lambda group: group, most_bytes=1 << 20, keys=("key",)):
    return GroupCall("acme.flow", "flows.py:3", keys, function, SCHEMA, most_bytes)


def rows(keys, begin=0):
    return pa.record_batch([pa.array(keys, pa.string()), pa.array(range(begin, begin + len(keys)))], schema=SCHEMA)


@given(
    st.lists(st.sampled_from(["a", "b", "ä", "", None]), max_size=40),
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
)
def test_sorted_rows_are_cut_into_their_groups_wherever_batches_end(keys, sizes):
    keys = sorted(keys, key=lambda key: (key is None, key or ""))
    batches, begin = [], 0
    for size in [*sizes, len(keys)]:
        batches.append(rows(keys[begin : begin + size], begin))
        begin = min(begin + size, len(keys))
    found = [group.to_pydict() for group in groups_of(batches, call())]
    wanted: dict = {}
    for number, key in enumerate(keys):
        wanted.setdefault(key, []).append(number)
    assert [(group["key"][0], group["n"]) for group in found] == list(wanted.items())
    assert all(len(set(group["key"])) == 1 for group in found)


def test_several_columns_make_a_key():
    batch = rows(["a", "a", "a", "b"]).set_column(1, SCHEMA.field(1), pa.array([1, 1, 2, 2]))
    assert [group.num_rows for group in groups_of([batch], call(keys=("key", "n")))] == [2, 1, 1]


def test_a_group_is_refused_before_all_of_it_is_held():
    taken = []

    def batches():
        for number in range(100):
            taken.append(number)
            yield rows(["漢"] * 1000)

    with pytest.raises(FlowError, match=r"the group of key = '漢' has more than 0 MiB \(flows.py:3\)"):
        list(groups_of(batches(), call(most_bytes=50_000)))
    assert len(taken) < 10


def test_a_function_must_return_a_table_of_the_schema():
    group = pa.Table.from_batches([rows(["a"])])
    with pytest.raises(FlowError, match="returned list, not a table"):
        call(lambda table: [table])(group)
    with pytest.raises(FlowError, match="left out the column 'n'"):
        call(lambda table: table.select(["key"]))(group)
    swapped = call(lambda table: pa.table({"n": pa.array([3], pa.int32()), "key": ["a"]}))(group)
    assert swapped.equals(pa.table([["a"], [3]], schema=SCHEMA))


def test_nulls_and_nans_are_groups_of_their_own():
    keys = pa.array([None, None, -0.0, 0.0, 1.5, float("nan"), float("nan")])
    batch = pa.record_batch([keys, pa.array(range(7))], names=["key", "n"])
    assert [group.num_rows for group in groups_of([batch], call())] == [2, 2, 1, 2]
