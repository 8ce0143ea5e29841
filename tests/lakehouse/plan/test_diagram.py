from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.plan.diagram import SOURCE, FlowDiagram, Node, dot, flow_diagram, lanes, mermaid
from tests.lakehouse import words

OPEN, JOINED = "●○│├┤┼", "├┤┼╰╯┴"


def drawn(edges, count):
    nodes = {f"silver.t{n}": Node(f"silver.t{n}", f"f.t{n}", "operator", "stale") for n in range(count)}
    return FlowDiagram(nodes, tuple(sorted((f"silver.t{a}", f"silver.t{b}") for a, b in edges)))


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 12))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    return drawn(draw(st.sets(st.sampled_from(pairs))) if pairs else [], count)


def read_back(lines):
    """Return the edges that the lanes show, by looking at their characters alone."""
    edges, at, above = set(), {}, ""
    for line in lines:
        text = line.lanes
        marks = {column // 2: text[column] for column in range(0, len(text), 2)}
        (own,) = [lane for lane, mark in marks.items() if mark in "●○"]
        for lane, mark in marks.items():
            opened = lane * 2 < len(above) and above[lane * 2] in OPEN
            if mark in JOINED or (mark == "●" and opened):
                edges.add((at[lane], line.node.table))
        at[own] = line.node.table
        above = text
    return edges


@settings(deadline=None)
@given(graphs())
def test_the_lanes_show_each_edge_and_no_other(picture):
    lines = lanes(picture)
    assert sorted(line.node.table for line in lines) == sorted(picture.nodes)
    assert read_back(lines) == set(picture.edges)


@settings(deadline=None)
@given(graphs())
def test_what_is_read_stands_above_what_reads_it(picture):
    order = [line.node.table for line in lanes(picture)]
    assert all(order.index(a) < order.index(b) for a, b in picture.edges)


def test_an_example():
    shown = [f"{line.lanes} {line.node.table}" for line in lanes(drawn([(0, 1), (0, 2), (2, 3), (1, 3)], 5))]
    assert shown == [
        "○ silver.t4",
        "  ○ silver.t0",
        "●─┤ silver.t1",
        "│ ● silver.t2",
        "●─╯ silver.t3",
    ]


def test_mermaid_quotes_names_and_names_states_as_classes():
    nodes = {
        "a.x": Node("a.x", "f", "sql", "fresh"),
        "b.end": Node("b.end", "g", "sql", "stale"),
        "a.in": Node("a.in", "", "", SOURCE),
    }
    assert mermaid(FlowDiagram(nodes, (("a.in", "a.x"), ("a.x", "b.end")))).splitlines() == [
        "flowchart LR",
        '  subgraph layer_a["a"]',
        '    t0["a.x"]',
        '    t2[("a.in")]',
        "  end",
        '  subgraph layer_b["b"]',
        '    t1["b.end"]',
        "  end",
        "  t2 --> t0",
        "  t0 --> t1",
        "  classDef stale fill:#fff0c2,stroke:#666,color:#000",
        "  class t1 stale",
        "  classDef fresh fill:#d9f2d9,stroke:#666,color:#000",
        "  class t0 fresh",
        "  classDef source fill:#e8e8e8,stroke:#666,color:#000",
        "  class t2 source",
    ]


def test_dot_quotes_names():
    text = dot(FlowDiagram({"a.x": Node("a.x", "f", "sql", "fresh", doc='Says "so" \\ there.')}, ()))
    assert r'"a.x" [fillcolor="#d9f2d9", tooltip="Says \"so\" \\ there."];' in text
    assert text.startswith("digraph mixlake {")
    assert text.count("{") == text.count("}")


@pytest.fixture
def at_project(project):
    return words.write(project)


def test_tables_that_no_flow_writes_are_drawn_where_they_are_read(at_project):
    at_project.module("flows", words.FLOWS.replace('@flow(writes=lines, kind="landing", external=outside)', ""))
    found = flow_diagram(at_project.lake().plan())
    assert found.nodes["bronze.lines"].state == SOURCE
    assert ("bronze.lines", "silver.words") in found.edges
    # What another flow writes and is not selected is left out.
    assert list(flow_diagram(at_project.lake().plan(["gold.counts"])).nodes) == ["gold.counts"]
