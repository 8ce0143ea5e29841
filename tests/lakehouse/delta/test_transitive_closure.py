from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.delta.transitive_closure import transitive_closure

GRAPHS = st.dictionaries(st.integers(0, 8), st.sets(st.integers(0, 8)), max_size=9)


def test_a_cycle_ends():
    graph = {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}
    assert transitive_closure(["b"], lambda name: graph[name]) == {"a", "b", "c"}
    assert transitive_closure([], lambda name: graph[name]) == set()


@given(GRAPHS, st.sets(st.integers(0, 8)))
def test_it_is_the_smallest_closed_set_and_asks_once_a_node(graph, start):
    asked = []

    def neighbours(node):
        asked.append(node)
        return graph.get(node, set())

    found = transitive_closure(start, neighbours)
    assert start <= found
    assert all(graph.get(node, set()) <= found for node in found)
    assert sorted(asked) == sorted(found)
    # Each node but the first ones has a predecessor in it.
    reached = set(start)
    for _ in range(9):
        reached |= {other for node in reached for other in graph.get(node, set())}
    assert found == reached
