from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dedup.components import _union, components


def slow_components(edges):
    label = {}
    for a, b in edges:
        label.setdefault(a, a)
        label.setdefault(b, b)
    changed = True
    while changed:
        changed = False
        for a, b in edges:
            least = min(label[a], label[b])
            changed |= label[a] != least or label[b] != least
            label[a] = label[b] = least
    return label


def batch(edges):
    return pa.RecordBatch.from_pydict(
        {"a": pa.array([a for a, _ in edges], pa.string()), "b": pa.array([b for _, b in edges], pa.string())}
    )


@settings(max_examples=100, deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 25), st.integers(0, 25)).filter(lambda e: e[0] < e[1]), min_size=1, max_size=30)
)
def test_union_names_components_by_their_least_node(edges):
    named = sorted((f"{a:02}", f"{b:02}") for a, b in edges)
    out = pa.Table.from_batches(_union([batch(named[:3]), batch(named[3:])])).to_pydict()
    assert dict(zip(out["node"], out["component"], strict=True)) == slow_components(named)
    assert len(out["node"]) == len(set(out["node"]))


def test_no_edges_no_components():
    assert list(_union([batch([])])) == []


@pytest.mark.parametrize("one_task", [0, 1000])
def test_both_ways_name_the_same_components(relations, one_task):
    drawn = random.Random(2)
    chain = [(f"{n:04}", f"{n + 1:04}") for n in range(14)]
    scattered = {tuple(sorted(drawn.sample([f"{n:04}" for n in range(100, 160)], 2))) for _ in range(25)}
    edges = sorted({*chain, *scattered})
    given = relations.from_arrow(pa.Table.from_batches([batch(edges)]))
    if relations.dialect == "spark":
        given = given.repartition(3)
    found = relations.to_arrow(components(relations, given, one_task=one_task, most_rounds=20)).to_pylist()
    assert {row["node"]: row["component"] for row in found} == slow_components(edges)
    assert len(found) == len({row["node"] for row in found})
