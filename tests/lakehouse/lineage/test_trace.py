from __future__ import annotations

import pytest

from lakehouse.errors import QueryError, TableNotFoundError
from lakehouse.ledger.runs import sync_runs
from lakehouse.lineage.trace import trace
from lakehouse.lineage.trace_graph import Edge
from tests.lakehouse.lakes import lake_at, note, rows, trained, write


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    trained(made)
    return made


def held(found):
    return {(node.id, node.table) for node in found.nodes}


def test_a_source_document_leads_down_to_the_steps_that_saw_it(lake):
    doc, cut = "aa" * 16, "a1" * 16
    found = trace(lake.project, doc)
    assert held(found) == {
        (doc, "bronze.documents"),
        ("a1" * 16, "silver.paragraphs"),
        ("a2" * 16, "silver.paragraphs"),
        ("a1" * 16, "gold.samples"),
        ("a2" * 16, "gold.samples"),
        ("51" * 16, "gold.sequences"),
        ("52" * 16, "gold.sequences"),
        ("t1#1", "ledger.training_steps"),
        ("t1#2", "ledger.training_steps"),
    }
    assert Edge(doc, "bronze.documents", cut, "silver.paragraphs") in found.edges
    assert Edge(cut, "silver.paragraphs", cut, "gold.samples") in found.edges
    assert Edge(cut, "gold.samples", "51" * 16, "gold.sequences") in found.edges
    assert Edge("51" * 16, "gold.sequences", "t1#1", "ledger.training_steps") in found.edges
    assert not found.truncated


def test_a_paragraph_leads_up_to_its_document_and_not_to_its_siblings(lake):
    found = trace(lake.project, "a1" * 16)
    assert ("aa" * 16, "bronze.documents") in held(found)
    assert "a2" * 16 not in {node.id for node in found.nodes}
    assert "bb" * 16 not in {node.id for node in found.nodes}


def test_a_sequence_leads_up_to_all_its_documents(lake):
    found = trace(lake.project, "52" * 16)
    assert {"aa" * 16, "bb" * 16, "a2" * 16, "t1#2"} <= {node.id for node in found.nodes}
    assert "a1" * 16 not in {node.id for node in found.nodes}


def test_each_edge_joins_nodes_of_the_trace(lake):
    found = trace(lake.project, "aa" * 16)
    for edge in found.edges:
        assert (edge.child, edge.child_table) in held(found)
        assert (edge.parent, edge.parent_table) in held(found)


def test_rows_tell_the_run_that_wrote_them(lake):
    sync_runs(lake.catalog)
    found = trace(lake.project, "a1" * 16)
    assert {(run["run_id"], run["table"]) for run in found.runs} >= {
        ("run-1", "bronze.documents"),
        ("run-2", "silver.paragraphs"),
        ("run-3", "gold.sequences"),
    }
    body = found.as_dict()
    assert {"id", "table", "version", "run_id"} <= set(body["nodes"][0])
    assert body["edges"]


def test_steps_are_traced_at_the_version_that_they_read(lake):
    rebuilt = lake.table("gold.sequences").slice(0, 0)
    write(lake, "gold.sequences", rebuilt, note("gold.sequences", "run-9", digest="none"), mode="overwrite")
    found = trace(lake.project, "aa" * 16)
    assert {"t1#1", "t1#2"} <= {node.id for node in found.nodes}
    assert ("51" * 16, "gold.sequences") in held(found)
    assert {edge.parent for edge in found.edges if edge.child == "51" * 16} == {"a1" * 16}


def test_at_a_release_only_its_tables_are_looked_at(lake):
    write(lake, "silver.later", rows(["aa" * 16]))
    assert ("aa" * 16, "silver.later") in held(trace(lake.project, "aa" * 16))
    assert ("aa" * 16, "silver.later") not in held(trace(lake.project, "aa" * 16, "mix-1"))


def test_a_beginning_that_names_one_sample_is_enough(lake):
    assert trace(lake.project, "aaaa").id == "aa" * 16
    write(lake, "silver.more", rows(["51ff" * 8, "51fe" * 8]))
    assert trace(lake.project, "51ff").id == "51ff" * 8
    write(lake, "silver.more", rows(["5151ff" + "0" * 26]))
    with pytest.raises(QueryError, match=r"several samples begin with 5151: 5151"):
        trace(lake.project, "5151")


@pytest.mark.parametrize("sample", ["cccc", "cc" * 16, "a", "x y", "'; --"])
def test_what_names_no_sample_is_told(lake, sample):
    with pytest.raises(QueryError, match=r"no sample|is not a sample id"):
        trace(lake.project, sample)


def test_a_wide_fan_is_cut_at_the_limit(lake):
    write(lake, "silver.many", rows([f"{i:032x}" for i in range(500)], [["aa" * 16]] * 500))
    found = trace(lake.project, "aa" * 16, limit=50)
    assert found.truncated
    assert len([node for node in found.nodes if node.table == "silver.many"]) <= 51


@pytest.mark.parametrize("limit", [1, 2, 4, 8])
def test_training_steps_count_towards_the_limit(lake, limit):
    found = trace(lake.project, "aa" * 16, limit=limit)
    assert len(found.nodes) == limit
    assert found.truncated
    assert not trace(lake.project, "aa" * 16, limit=len(trace(lake.project, "aa" * 16).nodes)).truncated


@pytest.mark.parametrize("limit", range(1, 10))
@pytest.mark.parametrize("sample", ["aa" * 16, "a1" * 16, "51" * 16])
def test_a_trace_that_is_cut_keeps_what_is_nearest_and_tells_no_other_edges(lake, sample, limit):
    write(lake, "silver.early", rows([f"{i:032x}" for i in range(20)], [[sample]] * 20))
    whole, cut = trace(lake.project, sample), trace(lake.project, sample, limit=limit)
    itself = {node for node in whole.nodes if node.id == sample}
    assert len(itself & set(cut.nodes)) == min(limit, len(itself))
    assert set(cut.nodes) <= set(whole.nodes)
    assert set(cut.edges) <= set(whole.edges)
    for edge in cut.edges:
        assert {(edge.child, edge.child_table), (edge.parent, edge.parent_table)} <= held(cut)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("gold.samples@99", r"gold\.samples has no version 99 — its latest is 0"),
        ("bronze.documents@0,gold.samples@99", r"gold\.samples has no version 99"),
        ("ledger.training_steps@99", r"ledger\.training_steps has no version 99"),
        ("99", r"no table has a version 99 — the highest is \S+@0"),
    ],
)
def test_a_version_that_is_not_there_is_told(lake, at, message):
    with pytest.raises(TableNotFoundError, match=message):
        trace(lake.project, "aa" * 16, at)
    assert trace(lake.project, "aa" * 16, "gold.samples@0").nodes
    assert trace(lake.project, "aa" * 16, "0").nodes


def test_an_empty_lake_has_no_sample(tmp_path):
    with pytest.raises(QueryError, match="no sample"):
        trace(lake_at(tmp_path / "none").project, "abcd")
