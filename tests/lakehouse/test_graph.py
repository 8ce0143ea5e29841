from __future__ import annotations

import pytest

from lakehouse.errors import FlowError, GraphError, UsageError
from lakehouse.graph import Graph
from tests.lakehouse import words


@pytest.fixture
def graph(project):
    return Graph(words.write(project).lake().registry)


def chosen(graph, *select, stale=None):
    return {graph.registry.flows[name].writes.name for name in graph.select(select, stale)}


def test_order_puts_parents_first(graph):
    tables = [graph.registry.flows[name].writes.name for name in graph.order]
    assert tables.index("bronze.lines") < tables.index("silver.shouts") < tables.index("gold.counts")


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ((), {"bronze.lines", "silver.shouts", "silver.words", "gold.counts"}),
        (("silver.shouts",), {"silver.shouts"}),
        (("silver.*",), {"silver.shouts", "silver.words"}),
        (("+gold.counts",), {"bronze.lines", "silver.shouts", "gold.counts"}),
        (("silver.shouts+",), {"silver.shouts", "gold.counts"}),
        (("tag:loud",), {"silver.shouts"}),
        (("silver.*,+gold.counts",), {"silver.shouts"}),
        (("~silver.words",), {"bronze.lines", "silver.shouts", "gold.counts"}),
        (("*.flows.cut",), {"silver.words"}),
    ],
)
def test_selections(graph, select, expected):
    assert chosen(graph, *select) == expected


def test_stale_asks_only_when_named(graph):
    assert chosen(graph, "stale", stale=lambda: {"sql.gold.counts"}) == {"gold.counts"}


def test_an_unknown_word_names_what_is_near(graph):
    with pytest.raises(UsageError) as raised:
        graph.select(("silver.shout",))
    assert "silver.shouts" in raised.value.hint
    assert raised.value.exit_code == 2


def test_two_writers_of_one_table_are_refused(project):
    words.write(project)
    project.module(
        "more", words.FLOWS.replace('reads={"lines": lines}, params=Loudness, tags=["loud"]', 'reads={"w": words}')
    )
    with pytest.raises(GraphError, match="two writers") as raised:
        _ = project.lake().registry
    assert "more.py" in raised.value.message
    assert "flows.py" in raised.value.message


def test_a_circle_is_refused_with_its_flows(project):
    words.write(project)
    project.sql("bronze.lines", "SELECT CAST(size AS STRING) AS sample_id, 'x' AS text FROM gold.counts")
    project.module("flows", words.FLOWS.replace('@flow(writes=lines, kind="frame", external=outside)', ""))
    with pytest.raises(GraphError, match=r"depend on each other"):
        _ = Graph(project.lake().registry).order


def test_an_undeclared_input_is_refused_with_its_file(project):
    words.write(project)
    project.sql("gold.counts", "SELECT 1 AS size, 2 AS n FROM silver.nowhere")
    with pytest.raises(FlowError, match=r"silver\.nowhere") as raised:
        _ = project.lake().registry
    assert "gold.counts.sql" in raised.value.message


def test_sql_that_does_not_parse_is_refused_with_its_place(project):
    words.write(project)
    project.sql("gold.counts", "SELECT size,\n count(* AS n FROM silver.shouts")
    with pytest.raises(FlowError, match="line 2") as raised:
        _ = project.lake().registry
    assert "gold.counts.sql" in raised.value.message
