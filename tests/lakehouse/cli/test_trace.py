from __future__ import annotations

import json

import pyarrow as pa

from tests.lakehouse.lakes import rows, write


def test_trace_and_step_tell_the_way_of_a_document(call, lake):
    found = json.loads(call("trace", "aaaa", "--json"))
    assert {"id", "nodes", "edges"} <= set(found)
    assert {"t1#1", "t1#2"} <= {node["id"] for node in found["nodes"]}
    assert "flows.silver.paragraphs" in call("trace", "aaaa")
    assert len(json.loads(call("trace", "--step", "1", "--json"))["rows"]) == 2
    assert "GPL-3.0-only" in call("trace", "--step", "2", "--run", "t1")


def test_a_trace_tells_addresses_where_rows_have_them(call, lake):
    assert "uri" not in call("trace", "aaaa").split("\n")[2]
    address = "https://example.org/" + "long/" * 20
    write(lake, "silver.pages", rows(["dd" * 16], uri=pa.array([address])))
    lines = call("trace", "dddd").split("\n")
    assert lines[2].split() == ["table", "version", "id", "source", "licence", "uri", "flow", "run"]
    assert address in lines[3]


def test_a_trace_is_of_a_sample_or_of_a_step(call, lake):
    for argv in ([], ["aaaa", "--step", "1"], ["--step", "1", "--at", "mix-1"], ["aaaa", "--run", "t1"]):
        assert call("trace", *argv, status=2).startswith("mixlake: ")
