from __future__ import annotations

import re

import pytest

from lakehouse.errors import FlowError, GraphError
from lakehouse.plan.graph import Graph
from tests.lakehouse import words


@pytest.fixture
def graph(project):
    return Graph(words.write(project).lake().registry)


def test_order_puts_parents_first(graph):
    tables = [graph.registry.flows[name].writes.name for name in graph.order]
    assert tables.index("bronze.lines") < tables.index("silver.shouts") < tables.index("gold.counts")


def test_two_writers_of_one_table_are_refused(project):
    words.write(project)
    project.module(
        "more", words.FLOWS.replace('reads={"lines": lines}, params=Loudness, tags=["loud"]', 'reads={"w": words}')
    )
    with pytest.raises(GraphError, match="two writers") as raised:
        _ = project.lake().registry
    text = (project.root / project.package / "flows.py").read_text()
    line = 1 + text[: text.index("@flow(writes=lines")].count("\n")
    assert f"flows.py:{line})" in raised.value.message
    assert f"more.py:{line})" in raised.value.message


def test_two_flows_of_one_id_are_refused(project):
    words.write(project)
    project.module("more", words.FLOWS.replace("@flow(", f'@flow(id="{project.package}.flows.land", ', 1))
    with pytest.raises(GraphError, match=r"two flows have the id .*more\.py:\d+|flows\.py:\d+"):
        _ = project.lake().registry


def test_a_circle_is_refused_with_its_flows(project):
    words.write(project)
    project.sql("bronze.lines", "SELECT CAST(size AS STRING) AS sample_id, 'x' AS text FROM gold.counts")
    project.module("flows", words.FLOWS.replace('@flow(writes=lines, kind="landing", external=outside)', ""))
    with pytest.raises(GraphError, match=r"depend on each other") as raised:
        _ = Graph(project.lake().registry).order
    assert "bronze.lines.sql" in raised.value.message
    assert re.search(r"flows\.shout \(\S+flows\.py:\d+\)", raised.value.message)


def test_an_undeclared_input_is_refused_with_its_file(project):
    words.write(project)
    project.sql("gold.counts", "-- Two lines.\nSELECT 1 AS size, 2 AS n\nFROM silver.nowhere")
    with pytest.raises(FlowError, match=r"silver\.nowhere") as raised:
        _ = project.lake().registry
    assert "gold.counts.sql:3)" in raised.value.message


def test_sql_that_does_not_parse_is_refused_with_its_place(project):
    words.write(project)
    project.sql("gold.counts", "SELECT size,\n count(* AS n FROM silver.shouts")
    with pytest.raises(FlowError, match=r"gold\.counts\.sql:2:10: the SQL does not parse") as raised:
        _ = project.lake().registry
    assert "gold.counts.sql" in raised.value.message
