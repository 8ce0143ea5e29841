from __future__ import annotations

from lakehouse.lineage.trace_graph import Edge, Node, Trace


def test_a_trace_gives_plain_values_under_the_names_of_its_fields():
    node = Node("a", "gold.samples", 3, source="src")
    edge = Edge("a", "silver.texts", "a", "gold.samples")
    found = Trace("a", (node,), (edge,), [{"run_id": "r"}]).as_dict()
    assert found["nodes"] == [
        {"id": "a", "table": "gold.samples", "version": 3, "run_id": "", "source": "src", "license": "", "uri": ""}
    ]
    assert found["edges"][0] == {
        "parent": "a",
        "parent_table": "silver.texts",
        "child": "a",
        "child_table": "gold.samples",
    }
    assert (found["id"], found["runs"], found["truncated"]) == ("a", [{"run_id": "r"}], False)


def test_nodes_and_edges_are_ordered_by_their_fields():
    assert Node("a", "t", 1) < Node("a", "t", 2) < Node("b", "a", 0)
    assert Edge("a", "t", "b", "t") < Edge("a", "t", "c", "t")
