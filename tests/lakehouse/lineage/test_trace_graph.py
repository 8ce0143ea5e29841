from __future__ import annotations

import json

from lakehouse.lineage.trace_graph import Edge, Node, Trace


def test_a_trace_is_plain_values_for_json():
    trace = Trace(
        "b",
        (Node("a", "bronze.pages", 1, "run-1", "src", "MIT", "u:/a"), Node("b", "silver.texts", 2)),
        (Edge("a", "bronze.pages", "b", "silver.texts"),),
        ({"run_id": "run-1"},),
    )
    shown = json.loads(json.dumps(trace.as_dict()))
    assert [node["id"] for node in shown["nodes"]] == ["a", "b"]
    assert shown["nodes"][1]["source"] == ""
    assert shown["edges"] == [
        {"parent": "a", "parent_table": "bronze.pages", "child": "b", "child_table": "silver.texts"}
    ]
    assert (shown["id"], shown["runs"], shown["truncated"]) == ("b", [{"run_id": "run-1"}], False)
