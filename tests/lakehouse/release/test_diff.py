from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.cli.output import to_json
from lakehouse.errors import LakeError, ReleaseError
from lakehouse.ledger.releases import drop_release
from lakehouse.release.create import create_release
from lakehouse.release.diff import MeasureDiff, TableDiff, diff_releases
from tests.lakehouse.lakes import lake_at, note, write

SCHEMA = pa.schema([("id", pa.string()), ("kind", pa.string()), ("n", pa.int64()), ("run_id", pa.string())])


def things(*made, run_id="run-1"):
    """Return rows (id, kind, n)."""
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, (*row, run_id), strict=True)) for row in made], schema=SCHEMA)


def commit(lake, rows, digest, table="gold.things", key=("id",), mode="overwrite"):
    write(lake, table, rows, note(table, f"run-{digest}", digest=digest, key=list(key)), mode=mode)


@pytest.fixture
def lake(tmp_path):
    """A lake with measures of its own, and a release mix-1 of three things."""
    views = tmp_path / "views"
    views.mkdir()
    made = lake_at(tmp_path / "lake", views=(str(views / "*.sql"),))
    (views / "measures.n_by_kind.sql").write_text("SELECT kind, sum(n)::BIGINT AS n FROM gold.things GROUP BY kind")
    (views / "measures.others.sql").write_text("SELECT count(*) AS rows FROM gold.others")
    commit(made, things(("a", "x", 1), ("b", "x", 2), ("c", "y", 3)), "one")
    create_release(made.project, "mix-1")
    return made


def diff(lake, before="mix-1", after="mix-2"):
    found = diff_releases(lake.project, before, after)
    assert (found.before, found.after) == (before, after)
    return {item.table: item for item in found.tables}, {item.measure: item for item in found.measures}


def test_releases_of_the_same_rows_do_not_differ(lake):
    create_release(lake.project, "again")
    assert diff(lake, after="again")[0] == {"gold.things": TableDiff("gold.things", "same", (0, 0), (3, 3))}
    write(lake, "gold.things", things(), note("gold.things", "run-2", changed=False, mode="no-op", digest="one"))
    create_release(lake.project, "mix-2")
    tables, measures = diff(lake)
    assert tables == {"gold.things": TableDiff("gold.things", "same", (0, 1), (3, 3))}
    assert measures["n_by_kind"].changed_groups == ()


def test_rows_are_counted_by_their_key_and_the_run_makes_no_difference(lake):
    commit(lake, things(("b", "x", 2), ("c", "y", 9), ("d", "z", 4), ("e", "z", 5), run_id="run-2"), "two")
    create_release(lake.project, "mix-2")
    expected = TableDiff("gold.things", "changed", (0, 1), (3, 4), added=2, removed=1, changed=1)
    assert diff(lake)[0] == {"gold.things": expected}
    back = diff(lake, "mix-2", "mix-1")[0]["gold.things"]
    assert (back.added, back.removed, back.changed) == (1, 2, 1)


def test_without_one_key_in_both_rows_are_compared_whole(lake):
    commit(lake, things(("b", "x", 2), ("c", "y", 9)), "two", key=["id", "kind"])
    create_release(lake.project, "mix-2")
    found = diff(lake)[0]["gold.things"]
    assert (found.added, found.removed, found.changed) == (1, 2, 0)


def test_tables_that_one_release_lacks_are_added_or_removed(lake):
    commit(lake, things(("a", "x", 1)), "other", table="gold.others")
    create_release(lake.project, "mix-2", ["gold.others"])
    tables, measures = diff(lake)
    assert tables == {
        "gold.others": TableDiff("gold.others", "added", (None, 0), (None, 1), added=1),
        "gold.things": TableDiff("gold.things", "removed", (0, None), (3, None), removed=3),
    }
    assert measures["n_by_kind"].missing == "mix-2: gold.things is not part of the release mix-2"
    assert measures["n_by_kind"].rows == ((("x",), 3, None), (("y",), 3, None))
    assert measures["others"].rows == (((), None, 1),)
    assert (measures["others"].columns, measures["others"].value) == ((), "rows")


def test_a_measure_is_compared_group_by_group(lake):
    commit(lake, things(("a", "x", 1), ("c", "y", 3), ("d", "z", 40)), "two")
    create_release(lake.project, "mix-2")
    measures = diff(lake)[1]
    # What neither release can answer is no difference between them.
    assert set(measures) == {"n_by_kind"}
    found = measures["n_by_kind"]
    assert (found.columns, found.value, found.missing) == (("kind",), "n", "")
    assert found.rows == ((("x",), 3, 1), (("y",), 3, 3), (("z",), None, 40))
    assert found.changed_groups == ((("z",), None, 40), (("x",), 3, 1))


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT n, kind FROM gold.things", "its last column, kind, is not a number"),
        ("SELECT [kind] AS kinds, n FROM gold.things", "its column kinds is nested"),
    ],
)
def test_a_view_that_measures_nothing_is_named_with_the_reason(lake, tmp_path, sql, says):
    (tmp_path / "views" / "measures.wrong.sql").write_text(sql)
    create_release(lake.project, "mix-2")
    found = diff(lake)[1]["wrong"]
    assert (found.rows, found.changed_groups) == ((), ())
    assert found.missing == f"mix-1: {says}; mix-2: {says}"


def test_json_has_each_group_as_an_object(lake):
    commit(lake, things(("a", "x", 5)), "two")
    create_release(lake.project, "mix-2")
    found = json.loads(to_json(diff_releases(lake.project, "mix-1", "mix-2").as_dict()))
    assert (found["before"], found["after"]) == ("mix-1", "mix-2")
    assert found["tables"][0] == {
        "table": "gold.things",
        "status": "changed",
        "versions": [0, 1],
        "rows": [3, 1],
        "added": 0,
        "removed": 2,
        "changed": 1,
    }
    (measure,) = found["measures"]
    assert measure["rows"] == [{"kind": "x", "before": 3, "after": 5}, {"kind": "y", "before": 3, "after": None}]
    assert (measure["measure"], measure["columns"], measure["value"]) == ("n_by_kind", ["kind"], "n")


def test_releases_that_are_not_there_or_were_dropped_cannot_be_compared(lake):
    with pytest.raises(ReleaseError, match="there are mix-1"):
        diff_releases(lake.project, "mix-1", "mix-9")
    create_release(lake.project, "mix-2")
    drop_release(lake.catalog, "mix-2")
    with pytest.raises(ReleaseError, match="was dropped"):
        diff_releases(lake.project, "mix-2", "mix-1")


def test_a_data_file_that_is_gone_is_named(lake):
    commit(lake, things(("d", "z", 4)), "two")
    create_release(lake.project, "mix-2")
    (added,) = lake.catalog.open("gold.things").file_uris()
    Path(added).unlink()
    with pytest.raises(LakeError, match=r"gold\.things cannot be read: its data file"):
        diff_releases(lake.project, "mix-1", "mix-2")


numbers = st.none() | st.integers(-9, 9)


@given(st.dictionaries(st.text(max_size=2), st.tuples(numbers, numbers), max_size=6))
def test_the_largest_difference_comes_first(measured):
    rows = tuple(((group,), before, after) for group, (before, after) in measured.items())
    found = MeasureDiff("m", ("kind",), "n", rows).changed_groups
    assert set(found) == {row for row in rows if row[1] != row[2]}
    sizes = [abs((after or 0) - (before or 0)) for _, before, after in found]
    assert sizes == sorted(sizes, reverse=True)


held = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2))


@settings(max_examples=12)
@given(held, held, st.booleans())
def test_the_counts_are_those_of_the_rows_as_sets(old, new, keyed):
    if old == new:
        new = {**new, "g": 1}
    key = ("id",) if keyed else ()
    with tempfile.TemporaryDirectory() as folder:
        lake = lake_at(Path(folder) / "lake")
        for number, rows in enumerate((old, new)):
            commit(lake, things(*((name, "x", n) for name, n in rows.items())), f"d{number}", key=key)
            create_release(lake.project, f"r{number}")
        found = diff_releases(lake.project, "r0", "r1").tables[0]
    both = old.keys() & new.keys()
    changed = sum(old[name] != new[name] for name in both)
    expected = (len(new) - len(both), len(old) - len(both), changed)
    if not keyed:
        expected = (expected[0] + changed, expected[1] + changed, 0)
    assert (found.added, found.removed, found.changed) == expected
    assert found.rows == (len(old), len(new))
