"""The stages of a retraction's walk reach what a plain walk over the rows reaches."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.query.connection import connect
from lakehouse.retraction.closure import Closure
from tests.lakehouse.lakes import lake_at

IDS = [f"{letter}{digit}" for letter in "ab" for digit in range(5)]
CONTENTS = ["x", "y", "z"]
SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("parent_ids", pa.list_(pa.string())),
        ("source", pa.string()),
        ("license", pa.string()),
        ("uri", pa.string()),
        ("content_id", pa.string()),
        ("keeper_id", pa.string()),
    ]
)
# The shipped contract of the last one is tagged as verified duplicates; another's keeper_id says nothing.
PAIRS = "silver.document_duplicates"
TABLES = ("bronze.landed", "silver.cut", PAIRS)

ids = st.sampled_from(IDS)
row = st.fixed_dictionaries(
    {
        "sample_id": st.one_of(st.none(), ids),
        "parent_ids": st.one_of(st.none(), st.lists(ids, max_size=2)),
        "source": st.sampled_from(["one", "two", None]),
        "license": st.sampled_from(["MIT", "MIT AND GPL", "GPL", None]),
        "uri": st.sampled_from(["site/a", "site/b", "other/a", None]),
        "content_id": st.one_of(st.none(), st.sampled_from(CONTENTS)),
        "keeper_id": st.one_of(st.none(), ids),
    }
)
tables = st.fixed_dictionaries({name: st.lists(row, max_size=7) for name in TABLES})
asked = st.one_of(
    st.tuples(st.just("id"), st.lists(ids, min_size=1, max_size=2, unique=True)),
    st.tuples(st.just("source"), st.sampled_from([["one"], ["two"]])),
    st.tuples(st.just("license"), st.sampled_from([["MIT"], ["GPL"], ["MIT AND GPL"]])),
    st.tuples(st.just("uri"), st.sampled_from([["site/*"], ["*/a"]])),
)


def matching(rows, kind, values):
    """Ids of the rows that match by themselves, and given ids."""

    def fits(item):
        if kind == "source":
            return item["source"] == values[0]
        if kind == "uri":
            start, _, end = values[0].partition("*")
            return item["uri"] is not None and item["uri"].startswith(start) and item["uri"].endswith(end)
        joined = (item["license"] or "").split(" AND ")
        return item["license"] == values[0] or (not item["parent_ids"] and values[0] in joined)

    if kind == "id":
        return set(values)
    return {item["sample_id"] for item in rows if fits(item)} - {None}


def below(rows, reached):
    """Ids of some rows and of all that were made from them."""
    reached = set(reached)
    while (
        more := {item["sample_id"] for item in rows if reached & set(item["parent_ids"] or ()) and item["sample_id"]}
        - reached
    ):
        reached |= more
    return reached


def widened(rows, pairs, samples):
    """Sample and content ids of equal contents and verified duplicates."""
    first = below(rows, samples)
    contents = {item["content_id"] for item in rows if item["sample_id"] in samples | first} - {None}
    samples = samples | {item["sample_id"] for item in rows if item["content_id"] in contents} - {None}
    for _ in range(2):
        near = samples | first
        samples = samples | {item["sample_id"] for item in pairs if item["keeper_id"] in near} - {None}
        samples = samples | {item["keeper_id"] for item in pairs if item["sample_id"] in near} - {None}
    contents |= {item["content_id"] for item in rows if item["sample_id"] in samples | first} - {None}
    samples = samples | {item["sample_id"] for item in rows if item["content_id"] in contents} - {None}
    return samples, contents


def lake_of(folder, made):
    lake = lake_at(Path(folder) / "lake")
    for name, held in made.items():
        write_deltalake(lake.catalog.table_uri(name), pa.Table.from_pylist(held, schema=SCHEMA))
    return lake


def found(closure, *kinds):
    return {item["id"] for item in closure.ids("r", kinds, 100).read_all().to_pylist()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables, asked, st.booleans())
def test_the_stages_reach_what_a_plain_walk_reaches(made, order, include_duplicates):
    kind, values = order
    rows = [item for held in made.values() for item in held]
    samples, contents = matching(rows, kind, values), set()
    if include_duplicates:
        samples, contents = widened(rows, made[PAIRS], samples)
    derived = below(rows, samples)
    with tempfile.TemporaryDirectory() as folder, connect(lake_of(folder, made).project) as connection:
        closure = Closure(connection)
        closure.matches(kind, values)
        if include_duplicates:
            closure.include_duplicates()
        closure.descendants()
        assert found(closure, "sample") == samples
        assert found(closure, "content") == contents
        assert found(closure, "derived") == derived
        counted = [{}, {}]
        for name, held in made.items():
            for item in held:
                if item["sample_id"] in derived:
                    side = counted[item["sample_id"] not in samples]
                    side[name] = side.get(name, 0) + 1
        assert closure.row_counts() == tuple(counted)
        assert closure.tables_with_rows() == {*counted[0], *counted[1]}
        assert closure.has_rows() is bool(closure.tables_with_rows())
        assert closure.missing(IDS) == sorted(set(IDS) - {item["sample_id"] for item in rows})


@pytest.fixture
def chain(tmp_path):
    """Rows a0 <- a1 <- a2, b0 of the content of a0, and a pair that says b1 repeats b0."""
    none = dict.fromkeys(SCHEMA.names)
    landed = [
        {**none, "sample_id": "a0", "content_id": "x", "source": "one"},
        {**none, "sample_id": "b0", "content_id": "x", "source": "two"},
        {**none, "sample_id": "b1", "content_id": "y", "source": "two"},
    ]
    cut = [{**none, "sample_id": "a1", "parent_ids": ["a0"]}, {**none, "sample_id": "a2", "parent_ids": ["a1"]}]
    pairs = [{**none, "sample_id": "b1", "keeper_id": "b0"}]
    return lake_of(tmp_path, dict(zip(TABLES, (landed, cut, pairs), strict=True)))


def test_each_stage_returns_the_frontier_that_it_added(chain):
    with connect(chain.project) as connection:
        closure = Closure(connection)

        def added(since):
            rows = connection.rows("SELECT kind, id FROM __ids WHERE step >= $1 ORDER BY ALL", [since])
            return [(item["kind"], item["id"]) for item in rows]

        assert added(closure.matches("id", ["a0"])) == [("sample", "a0")]
        assert added(closure.equal_content(since=0)) == [("content", "x"), ("sample", "b0")]
        assert added(closure.verified_duplicates(since=0)) == [("sample", "b1")]
        assert [name for _, name in added(closure.descendants())] == ["a0", "a1", "a2", "b0", "b1"]
        assert added(closure.descendants()) == []


def test_ids_that_were_found_elsewhere_bring_rows_of_their_contents(chain):
    known = pa.table({"kind": ["sample", "content", "derived", "derived"], "id": ["gone", "x", "b1", "a1"]})
    with connect(chain.project) as connection:
        closure = Closure(connection)
        closure.add_known(known.to_reader())
        assert found(closure, "sample") == {"gone", "a0", "b0"}
        closure = Closure(connection)
        closure.add_known(known.to_reader(), derived=True)
        # What a1 was made from is known here: it may have been made again, from other rows.
        assert found(closure, "sample") == {"gone", "a0", "b0", "b1"}


def test_only_chosen_tables_are_searched(chain):
    with connect(chain.project) as connection:
        closure = Closure(connection, ["silver.cut"])
        assert closure.tables == ("silver.cut",)
        assert closure.missing(["a0", "a1"]) == ["a0"]


def test_a_lake_without_samples_is_searched_and_given_ids_count(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write_deltalake(lake.catalog.table_uri("bronze.counts"), pa.table({"n": [1]}))
    with connect(lake.project) as connection:
        closure = Closure(connection)
        closure.matches("id", ["a0"])
        closure.descendants()
        assert (closure.tables, closure.has_rows(), found(closure, "sample")) == ((), False, {"a0"})


def test_values_are_single_licences_and_sources(chain):
    with connect(chain.project) as connection:
        assert Closure(connection).values("source") == ["one", "two"]
        assert Closure(connection).values("license") == []
