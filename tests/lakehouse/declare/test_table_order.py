from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.registry import Registry
from lakehouse.declare.table_order import order_tables

EMPTY = Registry({}, {})


def test_a_table_comes_after_what_it_was_made_from_by_the_notes():
    inputs = {"a.last": ["z.first"], "b.end": ["a.last"], "z.first": []}
    order = order_tables(EMPTY, inputs, ["ledger.training_steps", "b.end"])
    assert sorted(order, key=order.get) == ["z.first", "a.last", "b.end", "ledger.training_steps"]


def test_declared_flows_win_over_older_notes(project):
    from tests.lakehouse.words import write

    registry = write(project).lake().project.registry
    order = order_tables(registry, {"bronze.lines": ["gold.counts"]}, [])
    assert order["bronze.lines"] < order["silver.shouts"] < order["gold.counts"]


def test_notes_that_form_a_cycle_leave_the_order_of_the_flows():
    order = order_tables(EMPTY, {"a.x": ["a.y"], "a.y": ["a.x"]}, ["a.z"])
    assert set(order) == {"a.x", "a.y", "a.z"}


@given(st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12)), max_size=12))
def test_no_table_comes_before_an_input(graph):
    inputs = {f"t.{n:02}": [f"t.{m:02}" for m in read if m < n] for n, read in graph.items()}
    order = order_tables(EMPTY, inputs, [name for read in inputs.values() for name in read])
    assert sorted(order.values()) == list(range(len(order)))
    assert all(order[name] > order[other] for name, read in inputs.items() for other in read)
