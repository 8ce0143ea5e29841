from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.lineage.index.levels import MAX_LEVELS, RATIO, first_replaced, level_sizes
from tests.lakehouse.lakes import lake_at
from tests.lakehouse.lineage.index.graphs import write_index


def test_a_batch_takes_in_levels_that_are_not_much_larger():
    assert first_replaced([], 5) == 0
    assert first_replaced([1000], 10) == 1
    assert first_replaced([1000], 125) == 0
    assert first_replaced([10_000, 800, 90], 10) == 3
    assert first_replaced([10_000, 800, 80], 10) == 2


def test_what_is_taken_in_may_take_in_more():
    assert first_replaced([5000, 700, 79], 10) == 0


def test_there_are_never_too_many_levels():
    sizes = [10**9, 10**7, 10**5, 10**3]
    assert first_replaced(sizes, 1) == MAX_LEVELS - 1


@given(st.lists(st.integers(0, 10_000), max_size=60))
def test_levels_stay_few_and_geometric_whatever_comes(batches):
    sizes = []
    for new in batches:
        level = first_replaced(sizes, new)
        sizes = [*sizes[:level], new + sum(sizes[level:])]
        assert sum(sizes) >= new
        assert len(sizes) <= MAX_LEVELS
        assert all(large > RATIO * small for large, small in pairwise(sizes))
    assert sum(sizes) == sum(batches)


def test_sizes_are_told_by_the_log(tmp_path):
    lake = lake_at(tmp_path / "lake")
    row = (None, "a", "silver.a", "run", None, None, None)
    edge = ("a", "b", "silver.a", None, None, None, None)
    write_index(lake, [Counter({row: 1, edge: 1}), Counter(), Counter({row: -1})])
    assert level_sizes(lake.catalog.open("ledger.edges")) == [3, 0, 1]
    write_index(lake, [])
    assert level_sizes(lake.catalog.open("ledger.edges")) == []
