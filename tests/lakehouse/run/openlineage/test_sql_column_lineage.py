from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot.lineage import lineage

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.declare.reads import Read
from lakehouse.declare.sql_flow import parse_select, table_names
from lakehouse.run.openlineage.column_lineage import DIRECT, Source
from lakehouse.run.openlineage.sql_column_lineage import of_sql
from tests.lakehouse.run.openlineage.exact_edges import EXACT, EXACT_DUCKDB


def table(name, *columns):
    own = {"run_id": Column("run_id", pa.string(), "", volatile=True, lineage=True)}
    return Table(name, doc="", columns=[own.get(c, Column(c, pa.int64(), "")) for c in columns])


A = table("silver.a", "id", "x", "y", "items", "s", "flag")
B = table("gold.b", "id", "y", "Z", "run_id")
TABLES = {"silver.a": A, "gold.b": B}
OUT = table("gold.t", "id", "x", "y", "Z", "n", "m", "u", "items", "s", "flag", "k", "v", "p", "e", "run_id")


def lineage_of(text, writes=OUT, dialect="spark"):
    reads = {name: Read(table=name) for name in table_names(parse_select(text, "here", dialect))}
    spec = Flow(id="sql.t", kind="sql", writes=writes, reads=reads, sql=text, file="here", dialect=dialect)
    return of_sql(spec, TABLES)


def short(sources):
    """Return sources as words: "a.x=" copied, "a.x" transformed, "a.x+" aggregated, "a.x?FILTER" deciding."""
    marks = {"IDENTITY": "=", "TRANSFORMATION": "", "AGGREGATION": "+"}
    return {f"{s.table.split('.')[1]}.{s.column}{marks.get(s.kind, '?' + s.kind)}" for s in sources}


def fields(text):
    return {name: short(sources) for name, sources in lineage_of(text).fields.items()}


def dataset(text):
    return short(lineage_of(text).dataset)


def test_a_join_leads_to_both_sides():
    text = "SELECT a.id, a.x + b.y AS n FROM silver.a JOIN gold.b ON a.id = b.id WHERE b.z > 1"
    assert fields(text) == {"id": {"a.id="}, "n": {"a.x", "b.y"}}
    assert dataset(text) == {"a.id?JOIN", "b.id?JOIN", "b.Z?FILTER"}


def test_a_cte_is_followed_to_its_tables():
    text = """
        WITH t AS (SELECT id AS k, x FROM silver.a WHERE flag),
             u AS (SELECT k, max(x) AS top FROM t GROUP BY k),
             unread AS (SELECT y FROM gold.b WHERE z = 1)
        SELECT k AS id, top AS m, top + 1 AS n FROM u"""
    assert fields(text) == {"id": {"a.id="}, "m": {"a.x+"}, "n": {"a.x+"}}
    assert dataset(text) == {"a.flag?FILTER", "a.id?GROUP_BY"}


def test_an_aggregate_knows_its_groups_and_a_count_has_no_column():
    text = "SELECT id, count(*) AS n, sum(x) AS m FROM silver.a GROUP BY 1 HAVING max(y) > 0"
    assert fields(text) == {"id": {"a.id="}, "m": {"a.x+"}}
    assert dataset(text) == {"a.id?GROUP_BY", "a.y?FILTER"}


def test_a_union_leads_to_the_columns_at_the_same_place():
    text = "SELECT id, x FROM silver.a UNION ALL SELECT y, id + 1 FROM gold.b"
    assert fields(text) == {"id": {"a.id=", "b.y="}, "x": {"a.x=", "b.id"}}
    assert dataset(text) == set()
    assert dataset(text.replace("UNION ALL", "UNION")) == {
        "a.id?GROUP_BY",
        "a.x?GROUP_BY",
        "b.y?GROUP_BY",
        "b.id?GROUP_BY",
    }


def test_what_becomes_of_a_column_is_known_through_a_union():
    text = """
        SELECT CASE WHEN q.x > 0 THEN q.id END AS m, sum(q.x) OVER (PARTITION BY q.id) AS n
        FROM (SELECT id, x FROM silver.a UNION ALL SELECT id, y FROM gold.b) AS q"""
    assert fields(text) == {
        "m": {"a.id", "b.id", "a.x?CONDITIONAL", "b.y?CONDITIONAL"},
        "n": {"a.x+", "b.y+", "a.id?WINDOW", "b.id?WINDOW"},
    }


def test_a_star_is_the_declared_columns():
    text = "SELECT * FROM silver.a JOIN gold.b USING (id)"
    found = fields(text)
    assert (found["id"], found["x"], found["Z"]) == ({"a.id", "b.id"}, {"a.x="}, {"b.Z="})
    assert "run_id" not in found  # the engine's own
    assert fields("SELECT t.* FROM (SELECT b.*, 1 AS n FROM gold.b) t") == {
        "id": {"b.id="},
        "y": {"b.y="},
        "Z": {"b.Z="},
    }


def test_except_takes_its_values_from_the_left():
    text = "SELECT id FROM silver.a EXCEPT SELECT id FROM gold.b"
    assert (fields(text), dataset(text)) == ({"id": {"a.id="}}, {"a.id?FILTER", "b.id?FILTER"})


def test_subqueries_decide_and_give():
    text = """
        SELECT id, (SELECT max(b.y) FROM gold.b WHERE b.id = a.id) AS m FROM silver.a
        WHERE x IN (SELECT z FROM gold.b) AND EXISTS (SELECT 1 FROM gold.b WHERE b.id = a.y)"""
    assert fields(text) == {"id": {"a.id="}, "m": {"b.y+"}}
    assert dataset(text) == {"a.x?FILTER", "a.id?FILTER", "a.y?FILTER", "b.Z?FILTER", "b.id?FILTER"}


def test_table_functions_and_nested_columns_lead_to_the_column_that_holds_them():
    assert fields("SELECT e AS n, a.s.f AS m FROM silver.a LATERAL VIEW explode(items) t AS e") == {
        "n": {"a.items"},
        "m": {"a.s"},
    }
    text = "SELECT e.v AS n FROM silver.a, explode(a.items) AS e(v)"
    assert (fields(text), dataset(text)) == ({"n": {"a.items"}}, {"a.items?JOIN"})


def test_windows_filters_and_cases_decide():
    text = """
        SELECT row_number() OVER (PARTITION BY flag ORDER BY id) AS n, max(x) FILTER (WHERE flag) AS m,
               lag(x) OVER w AS u, coalesce(y, 0) AS y
        FROM silver.a GROUP BY ALL WINDOW w AS (ORDER BY s) ORDER BY id LIMIT 5"""
    assert fields(text) == {
        "n": {"a.flag?WINDOW", "a.id?WINDOW"},
        "m": {"a.x+", "a.flag?CONDITIONAL"},
        "u": {"a.x", "a.s?WINDOW"},
        "y": {"a.y"},
    }
    assert dataset(text) == {"a.y?GROUP_BY", "a.id?SORT"}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT nope AS n FROM silver.a",
        "SELECT v AS n FROM silver.a AS t(v, w)",
        "SELECT x FROM (SELECT x, y, id FROM silver.a) PIVOT (sum(y) FOR id IN (1 AS x))",
        "WITH RECURSIVE t AS (SELECT x FROM silver.a UNION ALL SELECT x + 1 FROM t WHERE x < 9) SELECT x FROM t",
        "SELECT x FROM silver.a UNION ALL BY NAME SELECT y, id AS x FROM gold.b",
        "SELECT n FROM silver.a NATURAL JOIN gold.b",
    ],
)
def test_what_is_not_certain_is_left_out(text):
    assert lineage_of(text).fields == {}


def test_one_unknown_column_leaves_the_others_known():
    assert fields("SELECT id, nope AS n FROM silver.a") == {"id": {"a.id="}}


@pytest.mark.parametrize(
    ("dialect", "text", "columns", "rows"),
    [("spark", *case) for case in EXACT] + [("duckdb", *case) for case in EXACT_DUCKDB],
)
def test_the_edges_are_these_and_no_others(dialect, text, columns, rows):
    found = lineage_of(text, dialect=dialect)
    parts = dict(part.split(": ") for part in columns.split("; ")) if columns else {}
    assert {name: short(sources) for name, sources in found.fields.items()} == {
        name: set(marks.split()) for name, marks in parts.items()
    }
    assert short(found.dataset) == set(rows.split())


def test_what_cannot_be_known_is_warned_of_with_the_flow_and_the_cause(caplog):
    lineage_of("SELECT id, s.* FROM silver.a")
    lineage_of("SELECT * FROM silver.a PIVOT (sum(x) FOR y IN (1 AS n, 2 AS m) GROUP BY id)", dialect="duckdb")
    star, pivot = caplog.messages[0], caplog.messages[-1]
    assert star.startswith("sql.t: ")
    assert "does not name all of its columns" in star
    assert "PIVOT" in "".join(caplog.messages[1:]), pivot
    caplog.clear()
    lineage_of("SELECT id, 1 AS n, x FROM silver.a WHERE y > 2")
    assert caplog.messages == []


def test_aliases_of_aliases_take_no_longer_than_they_are_many():
    steps = ", ".join(f"c{at} + c{at} AS c{at + 1}" for at in range(60))
    found = lineage_of(f"SELECT x + x AS c0, {steps} FROM silver.a", writes=table("gold.t", "c60"))
    assert short(found.fields["c60"]) == {"a.x"}


MADE = ["x", "posexplode(items) AS (p, e)", "inline(s)", "stack(2, x, y, id, 1) AS (k, v)", "s.*", "* EXCEPT (x)",
        "max(x) OVER (ORDER BY y) AS m", "(SELECT max(z) FROM gold.b) AS n", "count(*) AS n"]  # fmt: skip
FROMS = ["silver.a", "silver.a LATERAL VIEW OUTER explode(items) t AS k, v", "silver.a NATURAL JOIN gold.b",
         "silver.a, LATERAL (SELECT z AS u FROM gold.b) q", "(SELECT * FROM silver.a) AS a(id, x, y, items, s, flag)",
         "silver.a UNPIVOT (v FOR k IN (x, y))", "silver.a PIVOT (sum(x) FOR y IN (1 AS n, 2 AS m))"]  # fmt: skip
ENDS = ["", " GROUP BY ALL", " WHERE x IN (SELECT y FROM gold.b) ORDER BY 1 LIMIT 2", " UNION ALL SELECT id, y, z FROM gold.b",
        " QUALIFY row_number() OVER (PARTITION BY id ORDER BY x) = 1"]  # fmt: skip


@pytest.mark.parametrize("start", FROMS)
def test_no_statement_raises(start):
    for made in MADE:
        for more in ["", ", id"]:
            for end in ENDS:
                lineage_of(f"SELECT {made}{more} FROM {start}{end}")


# Random queries over two tables of three numbers: by construction every one of them runs.
COLUMNS = ("id", "x", "y")
RELATION = table("silver.r", *COLUMNS), table("gold.s", *COLUMNS)
EVERY = {relation.name: relation for relation in RELATION}


@st.composite
def queries(draw, depth=2):
    """Draw a SELECT of the columns id, x and y."""
    relations = ["silver.r", "gold.s"]
    inner = st.sampled_from(relations) if depth == 0 else st.one_of(
        st.sampled_from(relations), queries(depth=depth - 1).map(lambda text: f"({text})")
    )  # fmt: skip
    shape = draw(st.sampled_from(["plain", "join", "group", "union", "star", "window"]))
    one, other = draw(inner), draw(inner)
    pick = st.sampled_from(COLUMNS)
    if shape == "union":
        word = draw(st.sampled_from(["UNION ALL", "UNION", "EXCEPT", "INTERSECT"]))
        return f"SELECT * FROM {one} AS q {word} SELECT {draw(pick)}, x, y FROM {other} AS w"
    if shape == "star":
        return f"SELECT {draw(st.sampled_from(['', 'DISTINCT ']))}* FROM {one} AS q WHERE q.{draw(pick)} > 1"
    if shape == "join":
        return (
            f"SELECT q.{draw(pick)} AS id, q.x + w.{draw(pick)} AS x, CASE WHEN w.{draw(pick)} > 2 THEN q.{draw(pick)} ELSE 7 END AS y"
            f" FROM {one} AS q JOIN {other} AS w ON q.{draw(pick)} = w.{draw(pick)}"
        )
    if shape == "group":
        key = draw(pick)
        return f"SELECT {key} AS id, sum({draw(pick)}) AS x, count(*) AS y FROM {one} AS q GROUP BY {key} HAVING max(q.{draw(pick)}) > 1"
    if shape == "window":
        return f"SELECT id, sum({draw(pick)}) OVER (PARTITION BY {draw(pick)}) AS x, y FROM {one} AS q"
    where = draw(
        st.sampled_from(
            ["", f" WHERE {draw(pick)} IN (SELECT {draw(pick)} FROM {other} AS v WHERE v.{draw(pick)} > 0)"]
        )
    )
    return f"SELECT {draw(pick)} AS id, {draw(pick)} * 2 AS x, {draw(pick)} AS y FROM {one} AS q{where}"


def rows(name, seed):
    return pa.table({c: [(seed * 7 + i * (3 + j)) % 5 for i in range(8)] for j, c in enumerate(COLUMNS)}), name


def answer(text, relations):
    """Return each output column's values, in no order."""
    with duckdb.connect() as connection:
        for name, content in relations.items():
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
            connection.register("given", content)
            connection.execute(f"CREATE TABLE {name} AS FROM given")
        found = connection.execute(sqlglot.transpile(text, read="spark", write="duckdb")[0]).fetchall()
    return {column: sorted(row[at] for row in found) for at, column in enumerate(COLUMNS)}


@settings(max_examples=60, deadline=None)
@given(queries(), st.integers(0, 4), st.sampled_from(sorted(EVERY)), st.sampled_from(COLUMNS))
def test_a_column_that_changes_with_an_input_column_is_named_as_its_source(text, seed, changed, column):
    spec = Flow(
        id="sql.t", kind="sql", writes=table("gold.t", *COLUMNS), sql=text, file="here",
        reads={name: Read(table=name) for name in table_names(parse_select(text, "here"))},
    )  # fmt: skip
    found = of_sql(spec, EVERY)
    before = dict(reversed(rows(name, seed + at)) for at, name in enumerate(EVERY))
    at = COLUMNS.index(column)
    values = pa.array([(v.as_py() * 2 + i) % 6 for i, v in enumerate(before[changed].column(at))])
    after = {**before, changed: before[changed].set_column(at, column, values)}
    was, now = answer(text, before), answer(text, after)
    for name in COLUMNS:
        if was[name] != now[name]:
            reported = {(s.table, s.column) for s in (*found.fields.get(name, ()), *found.dataset)}
            assert (changed, column) in reported, (text, name, found)


@settings(max_examples=60, deadline=None)
@given(queries())
def test_the_same_columns_are_found_as_by_sqlglot(text):
    if "EXCEPT" in text:  # of which sqlglot names the right side's columns, too
        return
    spec = Flow(
        id="sql.t", kind="sql", writes=table("gold.t", *COLUMNS), sql=text, file="here",
        reads={name: Read(table=name) for name in table_names(parse_select(text, "here"))},
    )  # fmt: skip
    schema = {"silver": {"r": dict.fromkeys(COLUMNS, "int")}, "gold": {"s": dict.fromkeys(COLUMNS, "int")}}
    theirs = {}
    for name, root in lineage(None, text, schema, dialect="spark").items():
        leaves = [node for node in root.walk() if isinstance(node.expression, sqlglot.exp.Table)]
        theirs[name] = {(f"{n.expression.db}.{n.expression.name}", n.name.rpartition(".")[2]) for n in leaves}
    ours = {name: {(s.table, s.column) for s in sources} for name, sources in of_sql(spec, EVERY).fields.items()}
    assert ours == {name: leaves for name, leaves in theirs.items() if leaves}


def test_kinds_are_direct_or_deciding():
    found = lineage_of("SELECT a.id, sum(b.y) AS n FROM silver.a JOIN gold.b ON a.id = b.id GROUP BY a.id")
    assert {s.kind for sources in found.fields.values() for s in sources} <= DIRECT
    assert Source("gold.b", "id", "JOIN") in found.dataset
