from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.declare.reads import Read
from lakehouse.declare.registry import Registry
from lakehouse.errors import UsageError
from lakehouse.plan.graph import Graph
from lakehouse.plan.selection import select_flows
from tests.lakehouse import words


@pytest.fixture
def graph(project):
    return Graph(words.write(project).lake().registry)


def chosen(graph, *select, stale=None):
    return {graph.registry.flows[name].writes.name for name in select_flows(graph, select, stale)}


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
        select_flows(graph, (word,))
    assert raised.value.hint


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("~", "'~' is not a selection"),
        ("+", "'+' is not a selection"),
        ("silver.*,", "'silver.*,' is not a selection"),
        ("silver.*,++", "'++' in 'silver.*,++' is not a selection"),
    ],
)
def test_a_refusal_shows_the_whole_word(graph, word, message):
    with pytest.raises(UsageError) as raised:
        select_flows(graph, (word,))
    assert raised.value.message == message


def test_an_unknown_word_names_what_is_near(graph):
    with pytest.raises(UsageError) as raised:
        select_flows(graph, ("silver.shout",))
    assert "silver.shouts" in raised.value.hint
    assert raised.value.exit_code == 2
    with pytest.raises(UsageError, match="mixlake plan --all lists all flows"):
        select_flows(graph, ("nothing like it",))


def random_graph(edges, count):
    """Return a graph of operators that read each other as the edges say."""
    kept = [Column("sample_id", pa.string(), "Id.", nullable=False, lineage=True)]
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
        found = select_flows(graph, words, lambda: {"f0", f"f{count - 1}"})
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
