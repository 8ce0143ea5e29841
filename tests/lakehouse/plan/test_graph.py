from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.declare.contract import Column, Table
from lakehouse.declare.flow import Flow, Read
from lakehouse.declare.registry import Registry
from lakehouse.errors import ConfigError, ContractError, FlowError, GraphError, UsageError
from lakehouse.plan.graph import Graph
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
        (("+silver.shouts+",), {"bronze.lines", "silver.shouts", "gold.counts"}),
        (("1+gold.counts",), {"silver.shouts", "gold.counts"}),
        (("0+gold.counts",), {"gold.counts"}),
        (("bronze.lines+1",), {"bronze.lines", "silver.shouts", "silver.words"}),
        (("1+tag:loud+",), {"bronze.lines", "silver.shouts", "gold.counts"}),
        (("@silver.shouts",), {"bronze.lines", "silver.shouts", "gold.counts"}),
        (("silver.*", "~tag:loud"), {"silver.words"}),
    ],
)
def test_selections(graph, select, expected):
    assert chosen(graph, *select) == expected


def test_stale_asks_only_when_named(graph):
    assert chosen(graph, "stale", stale=lambda: {"sql.gold.counts"}) == {"gold.counts"}


@pytest.mark.parametrize("word", ["@1+gold.counts", "@gold.counts+", "gold.counts+x", "++gold.counts", "+", ""])
def test_a_word_that_is_none_is_refused(graph, word):
    with pytest.raises(UsageError) as raised:
        graph.select((word,))
    assert raised.value.hint


def test_an_unknown_word_names_what_is_near(graph):
    with pytest.raises(UsageError) as raised:
        graph.select(("silver.shout",))
    assert "silver.shouts" in raised.value.hint
    assert raised.value.exit_code == 2
    with pytest.raises(UsageError, match="mixlake plan --all lists all flows"):
        graph.select(("nothing like it",))


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
        ('"get(parent_ids, 0)"', '"get(parent_idz, 0)"', "names 'parent_idz', which silver.words does not have"),
        ('"get(parent_ids, 0)"', '"get(parent_ids"', "does not parse"),
        ('{"lines": lines}, params', '{"lines": read(lines, where="text >")}, params', "does not parse at 1:6"),
        ('{"lines": lines}, params', '{"lines": read(lines, where="text text")}, params', "does not parse at 1:6"),
        ('{"lines": lines}, params', '{"lines": read(lines, where=5)}, params', "where 5, which is no text"),
        (
            '{"lines": lines}, params',
            '{"lines": read(lines, where="txt > 0")}, params',
            "names 'txt'.* did you mean text",
        ),
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


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("length(text >", "does not parse at 1:13"),
        ("text = 'x", "does not parse at 1: a quote or comment is not closed"),
        ("SELECT true", "does not parse at 1:1: "),
        ("length(text) > 0; true", "does not parse: it is no single expression"),
        ("-- none", "the check '-- none' is empty"),
        ("length(txt) > 0", "names 'txt', which is no column there"),
    ],
)
def test_a_check_that_spark_could_not_apply_is_refused_with_its_place(project, check, says):
    words.write(project)
    project.module("tables", words.TABLES.replace("length(text) > 0", check))
    with pytest.raises(ContractError, match=re.escape(says)) as raised:
        _ = project.lake().registry
    assert re.search(r"tables\.py:\d+\)", raised.value.message)
    assert raised.value.message.startswith("bronze.lines: the check ")


@pytest.mark.parametrize(
    "check", ["exists(split(text, ' '), w -> w <> '')", "TEXT rlike '^x' AND `run_id` IS NOT NULL", "true"]
)
def test_a_check_that_spark_can_apply_is_taken(project, check):
    words.write(project)
    project.module("tables", words.TABLES.replace("length(text) > 0", check))
    assert project.lake().registry.tables["bronze.lines"].checks[0].sql == check


def test_sql_that_does_not_parse_is_refused_with_its_place(project):
    words.write(project)
    project.sql("gold.counts", "SELECT size,\n count(* AS n FROM silver.shouts")
    with pytest.raises(FlowError, match=r"gold\.counts\.sql:2:10: the SQL does not parse") as raised:
        _ = project.lake().registry
    assert "gold.counts.sql" in raised.value.message


def random_graph(edges, count):
    """Return a graph of operators that read each other as the edges say."""
    kept = [Column("sample_id", pa.string(), "Id.", nullable=False)]
    tables = [Table(f"silver.t{n}", doc="T.", columns=kept, key=["sample_id"]) for n in range(count)]
    flows = {}
    for n, table in enumerate(tables):
        reads = {f"r{a}": Read(table=f"silver.t{a}") for a, b in edges if b == n}
        kind = "operator" if reads else "frame"
        tags = ("even",) if n % 2 == 0 else ("odd",)
        driving = next(iter(reads), "")
        flows[f"f{n}"] = Flow(id=f"f{n}", kind=kind, writes=table, reads=reads, driving=driving, tags=tags)
    return Graph(Registry({table.name: table for table in tables}, flows))


@st.composite
def graphs_and_words(draw):
    count = draw(st.integers(2, 8))
    edges = draw(st.sets(st.sampled_from([(a, b) for b in range(count) for a in range(b)])))
    names = st.sampled_from(
        [*(f"silver.t{n}" for n in range(count)), "silver.t[0-3]", "f*", "tag:even", "tag:odd", "stale"]
    )
    before = st.sampled_from(["", "+", "0+", "1+", "2+"])
    after = st.sampled_from(["", "+", "+0", "+1", "+2"])
    marked = st.tuples(before, names, after).map("".join) | names.map("@{}".format)
    return edges, count, draw(st.lists(marked, min_size=1, max_size=4)), draw(names)


@settings(deadline=None)
@given(graphs_and_words())
def test_the_algebra_of_selections(given_):
    edges, count, terms, name = given_
    graph = random_graph(edges, count)

    def chosen(*words):
        found = graph.select(words, lambda: {"f0", f"f{count - 1}"})
        assert list(found) == [flow for flow in graph.order if flow in found]
        return set(found)

    every = set(graph.order)
    each = [chosen(term) for term in terms]
    assert chosen(*terms) == set.union(*each) == chosen(*reversed(terms))
    assert chosen(",".join(terms)) == set.intersection(*each)
    assert chosen(*terms, *terms) == chosen(*terms)
    assert chosen(f"~{terms[0]}") == every - each[0]
    assert chosen(*terms, f"~{name}") == set.union(*each) - chosen(name)
    # Steps: none is the flows themselves, as many as there are flows is all; each step adds neighbours.
    before = {a: {f"f{x}" for x, y in edges if f"f{y}" == a} for a in every}
    here = chosen(name)
    for steps in range(count + 1):
        assert chosen(f"{steps}+{name}") == here
        here |= {parent for flow in here for parent in before[flow]}
    assert chosen(f"+{name}") == here
    assert chosen(f"+{name}+") == chosen(f"+{name}") | chosen(f"{name}+")
    # What is after a flow is that which it is before.
    assert chosen(f"{name}+") == {flow for flow in every if chosen(f"+{flow}") & chosen(name)}
    assert chosen(f"@{name}") == set.union(*(chosen(f"+{flow}") for flow in chosen(f"{name}+")))
