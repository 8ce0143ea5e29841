from __future__ import annotations

import re

import pytest

from lakehouse.errors import ConfigError, FlowError, GraphError, UsageError
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
    project.module("flows", words.FLOWS.replace('@flow(writes=lines, kind="frame", external=outside)', ""))
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


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('reads={"lines": lines}, params', 'reads={"lines": "silver.nowhere"}, params', "silver.nowhere as 'lines'"),
        (
            '{"lines": lines}, params',
            '{"lines": read(lines, columns=["sample_id", "tex"])}, params',
            "the column 'tex'",
        ),
        ('{"lines": lines}, params', '{"lines": read(lines, columns=["text"])}, params', "driving key 'sample_id'"),
        ('{"lines": lines}, params', '{"lines": lines}, driving_key="uri", params', "driving key 'uri'"),
        ('{"lines": lines}, params', '{"lines": lines}, driving="other", params', "driving names 'other'"),
        ('kind="frame", external', 'kind="frame", rows="one-to-one", external', "rows='one-to-one' is for operators"),
        ('reads={"lines": lines}, params', "params", "an operator without an input"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(project, old, new, says):
    text = words.FLOWS.replace("import flow\n", "import flow, read\n").replace(old, new)
    assert text != words.FLOWS
    words.write(project)
    project.module("flows", text)
    with pytest.raises((FlowError, ConfigError), match=says) as raised:
        _ = project.lake().registry
    assert re.search(r"flows\.py:\d+\)", raised.value.message)


def test_sql_that_does_not_parse_is_refused_with_its_place(project):
    words.write(project)
    project.sql("gold.counts", "SELECT size,\n count(* AS n FROM silver.shouts")
    with pytest.raises(FlowError, match=r"gold\.counts\.sql:2:10: the SQL does not parse") as raised:
        _ = project.lake().registry
    assert "gold.counts.sql" in raised.value.message
