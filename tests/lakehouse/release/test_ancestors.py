from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.release.ancestors import mixed_ancestors, with_ancestors
from lakehouse.release.vacuum import vacuum
from tests.lakehouse.lakes import followed, lake_at, note, write

ROWS = pa.table({"n": [1, 2, 3]})


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path / "lake")


def commit(lake, table, digest, inputs=None):
    """Append the rows to a table, made from versions of others."""
    write(lake, table, ROWS, note(table, f"run-{digest}", digest=digest, inputs=inputs or {}))


def versions(opened):
    return {name: int(table.version()) for name, table in opened.items()}


def test_ancestors_are_opened_at_the_versions_that_were_read(lake):
    for table, inputs in (("bronze.a", {}), ("silver.b", {"bronze.a": 0}), ("gold.c", {"silver.b": 0})):
        commit(lake, table, "1", inputs)
    commit(lake, "bronze.a", "2")
    commit(lake, "bronze.other", "1")
    assert versions(with_ancestors(lake.catalog, ["gold.c"])) == {"bronze.a": 0, "silver.b": 0, "gold.c": 0}
    # A table that is named itself is opened at its latest version.
    assert versions(with_ancestors(lake.catalog, ["gold.c", "bronze.a"]))["bronze.a"] == 1


def test_the_newer_of_two_versions_wins_in_either_order_and_brings_only_its_own_ancestors(lake):
    commit(lake, "bronze.a", "1")
    commit(lake, "bronze.old", "1")
    commit(lake, "silver.b", "1", {"bronze.old": 0})
    commit(lake, "silver.b", "2", {"bronze.a": 0})
    for names in (("gold.new", "gold.old"), ("gold.old", "gold.new")):
        for name in names:
            commit(lake, name, "1", {"silver.b": 1 if name == "gold.new" else 0})
        found = versions(with_ancestors(lake.catalog, names))
        assert (found["silver.b"], found["bronze.a"], "bronze.old" in found) == (1, 0, False)


def test_tables_made_from_each_other_end(lake):
    commit(lake, "silver.b", "1", {"silver.c": 0})
    commit(lake, "silver.c", "1", {"silver.b": 0})
    assert versions(with_ancestors(lake.catalog, ["silver.b"])) == {"silver.b": 0, "silver.c": 0}


def test_an_ancestor_that_is_gone_is_named_once(lake, caplog):
    for name in ("gold.c", "gold.d"):
        commit(lake, name, "1", {"silver.gone": 3})
    assert versions(with_ancestors(lake.catalog, ["gold.c", "gold.d"])) == {"gold.c": 0, "gold.d": 0}
    assert [record.getMessage().split(",")[0] for record in caplog.records] == ["silver.gone@3"]


def test_a_later_version_with_the_same_rows_is_opened_where_files_were_vacuumed(lake):
    followed(lake, "bronze.a", schema=ROWS.schema)
    commit(lake, "bronze.a", "1")
    commit(lake, "bronze.a", "2")
    commit(lake, "gold.c", "1", {"bronze.a": 2})
    lake.catalog.open("bronze.a").optimize.compact()
    vacuum(lake.catalog, retention_hours=0)
    assert versions(with_ancestors(lake.catalog, ["gold.c"])) == {"bronze.a": 3, "gold.c": 0}


def test_what_a_flow_found_unchanged_is_opened_as_it_was_found_last(lake):
    """`silver.empty` has read a newer `bronze.a` and found nothing; `gold.c` is fresh, and descends from that."""
    commit(lake, "bronze.a", "1")
    commit(lake, "silver.empty", "1", {"bronze.a": 0})
    commit(lake, "gold.c", "1", {"silver.empty": 0})
    commit(lake, "bronze.a", "2")
    nothing = note("silver.empty", "run-2", digest="1", inputs={"bronze.a": 1}, changed=False)
    write(lake, "silver.empty", ROWS.slice(0, 0), nothing)
    commit(lake, "gold.d", "1", {"bronze.a": 1})
    opened = with_ancestors(lake.catalog, ["gold.c", "gold.d"])
    assert versions(opened) == {"bronze.a": 1, "silver.empty": 1, "gold.c": 0, "gold.d": 0}
    assert mixed_ancestors(lake.catalog, opened) == []


def test_mixed_versions_are_described(lake):
    commit(lake, "bronze.a", "1")
    commit(lake, "silver.b", "1", {"bronze.a": 0})
    commit(lake, "bronze.a", "2")
    commit(lake, "gold.c", "1", {"bronze.a": 1})
    opened = {name: lake.catalog.open(name) for name in ("bronze.a", "silver.b", "gold.c")}
    assert mixed_ancestors(lake.catalog, opened) == [
        "different versions of bronze.a are mixed: silver.b from 0; gold.c, the release from 1"
    ]
    del opened["silver.b"]
    assert mixed_ancestors(lake.catalog, opened) == []
