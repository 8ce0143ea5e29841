"""A trace over the index tells the same as one over the tables."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.errors import QueryError
from lakehouse.ledger.runs import sync_runs
from lakehouse.lineage import scan_reader
from lakehouse.lineage.index.index_reader import IndexedSamples
from lakehouse.lineage.index.lookup import Index
from lakehouse.lineage.index.state import index_state
from lakehouse.lineage.trace import trace
from lakehouse.lineage.training_steps import step
from lakehouse.query.connection import connect
from tests.lakehouse.lakes import lake_at, note, rows, trained, write
from tests.lakehouse.lineage.index.graphs import all_entries, write_index

IDS = [f"{number:x}" * 32 for number in range(8)]
NAMES = ["bronze.a", "silver.b", "silver.c", "gold.d"]


def both(lake, sample, **options):
    """Trace over the index and over the tables; return both answers."""
    state = index_state(lake.project)
    assert state.current
    indexed = trace(lake.project, sample, **options)
    original = scan_reader.open_samples
    import lakehouse.lineage.trace as module

    module.open_samples = lambda project, connection, at=None: scan_reader.ScannedSamples(project, connection)
    try:
        return indexed, trace(lake.project, sample, **options)
    finally:
        module.open_samples = original


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    trained(made)
    sync_runs(made.catalog)
    write_index(made, [all_entries(made)])
    return made


def test_an_index_that_is_up_to_date_is_read_and_another_is_not(lake):
    with connect(lake.project) as connection:
        assert isinstance(scan_reader.open_samples(lake.project, connection), IndexedSamples)
        assert isinstance(scan_reader.open_samples(lake.project, connection, "mix-1"), scan_reader.ScannedSamples)
    write(lake, "bronze.documents", rows(["cc" * 16]), note("bronze.documents", "run-9"))
    with connect(lake.project) as connection:
        assert isinstance(scan_reader.open_samples(lake.project, connection), scan_reader.ScannedSamples)
    assert trace(lake.project, "cc" * 16).nodes


@pytest.mark.parametrize("sample", ["aa" * 16, "a1" * 16, "bb" * 16, "52" * 16, "aaaa", "5151"])
def test_both_ways_tell_the_same_of_a_trained_lake(lake, sample):
    indexed, scanned = both(lake, sample)
    assert indexed == scanned
    assert indexed.nodes
    assert indexed.edges


def test_a_step_is_told_the_same(lake, monkeypatch):
    indexed = step(lake.project, 2)
    import lakehouse.lineage.training_steps as module

    monkeypatch.setattr(module, "open_samples", scan_reader.ScannedSamples)
    assert step(lake.project, 2) == indexed


def test_the_way_up_ends_at_the_address_of_the_original(tmp_path):
    lake = lake_at(tmp_path / "lake")
    landed = rows(["aa" * 16], uri=pa.array(["https://example.org/a"]))
    write(lake, "bronze.pages", landed, note("bronze.pages"))
    write(lake, "silver.cuts", rows(["bb" * 16], [["aa" * 16]]), note("silver.cuts", inputs={"bronze.pages": 0}))
    write_index(lake, [all_entries(lake)])
    indexed, scanned = both(lake, "bb" * 16)
    assert indexed == scanned
    assert {node.table: node.uri for node in indexed.nodes} == {
        "bronze.pages": "https://example.org/a",
        "silver.cuts": "",
    }
    assert indexed.as_dict()["nodes"][0]["uri"] == "https://example.org/a"


@pytest.mark.parametrize("sample", ["cccc", "cc" * 16])
def test_what_names_no_sample_is_told(lake, sample):
    with pytest.raises(QueryError, match="no sample"):
        trace(lake.project, sample)


def test_several_samples_that_begin_so_are_told(lake):
    write(lake, "silver.more", rows(["51ff" * 8, "51fe" * 8]), note("silver.more"))
    write_index(lake, [all_entries(lake)])
    assert trace(lake.project, "51ff").id == "51ff" * 8
    write(lake, "silver.more", rows(["51ff51" + "0" * 26]), note("silver.more", "run-2"))
    write_index(lake, [all_entries(lake)])
    with pytest.raises(QueryError, match=r"several samples begin with 51ff: 51ff51"):
        trace(lake.project, "51ff")


def test_a_wide_fan_is_cut_at_the_limit(lake):
    wide = rows([f"{i:032x}" for i in range(500)], [["aa" * 16]] * 500)
    write(lake, "silver.many", wide, note("silver.many"))
    write_index(lake, [all_entries(lake)])
    found = trace(lake.project, "aa" * 16, limit=50)
    assert found.truncated
    assert len(found.nodes) <= 60
    indexed, scanned = both(lake, "aa" * 16)
    assert indexed == scanned
    assert not indexed.truncated


def test_a_hop_opens_a_file_of_each_level_at_most(lake):
    levels = [Counter(all_entries(lake)), Counter({(None, "00" * 16, "t.a", *["r"] * 4): 1}), Counter(), Counter()]
    levels[3] = Counter({(None, "ff" * 16, "t.a", *["r"] * 4): 1, (None, "00" * 16, "t.a", *["r"] * 4): -1})
    write_index(lake, levels)
    index = Index(index_state(lake.project).edges)
    assert 1 <= index.lookup("child", ["aa" * 16]).files <= 3
    assert 1 <= index.lookup("parent", ["aa" * 16]).files <= 3


@st.composite
def graphs(draw):
    """Tables whose rows name each other as parents, in whatever way; some rows twice, some parents nowhere."""
    made = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)):
        held = draw(st.lists(st.sampled_from(IDS), max_size=6))
        parents = [draw(st.lists(st.sampled_from(IDS), max_size=3)) for _ in held]
        inputs = draw(st.sets(st.sampled_from(NAMES), max_size=2)) - {name}
        made[name] = (held, parents, draw(st.booleans()), inputs)
    return made


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.lists(st.integers(0, 2), min_size=1), st.integers(0, 3))
def test_both_ways_tell_the_same_of_any_graph(graph, levels_of, taken):
    with tempfile.TemporaryDirectory() as folder:
        lake = lake_at(Path(folder) / "lake")
        for name, (held, parents, with_uri, inputs) in graph.items():
            uri = {"uri": pa.array([f"https://example.org/{name}/{i}" for i in held], pa.string())} if with_uri else {}
            write(lake, name, rows(held, parents, **uri), note(name, inputs=dict.fromkeys(inputs, 0)))
        levels = [Counter(), Counter(), Counter()]
        for number, (entry, n) in enumerate(sorted(all_entries(lake).items(), key=str)):
            levels[levels_of[number % len(levels_of)]][entry] += n
        for number in range(taken):  # once there, and taken away by a newer level
            entry = (IDS[number], IDS[number + 1], NAMES[number], *[None] * 4)
            levels[0][entry] += 1
            levels[2][entry] -= 1
        write_index(lake, levels)
        for sample in sorted({sample for held, *_ in graph.values() for sample in held})[:3]:
            indexed, scanned = both(lake, sample)
            assert indexed == scanned


@pytest.mark.parametrize("limit", range(1, 8))
@pytest.mark.parametrize("sample", ["aa" * 16, "a1" * 16, "51" * 16])
def test_a_trace_over_the_index_that_is_cut_keeps_what_is_nearest(lake, sample, limit):
    whole = trace(lake.project, sample)
    itself = {node for node in whole.nodes if node.id == sample}
    for cut in both(lake, sample, limit=limit):
        assert len(itself & set(cut.nodes)) == min(limit, len(itself))
        assert set(cut.edges) <= set(whole.edges)
