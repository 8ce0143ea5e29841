from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.release.unreadable_tables import possibly_required, unreadable_tables
from lakehouse.release.vacuum import vacuum
from tests.lakehouse.lakes import lake_at, note, write

ROWS = pa.table({"n": [1, 2, 3]})


@pytest.fixture
def lake(tmp_path):
    """Three tables, each made from the one before, and one by itself; all were rewritten once."""
    made = lake_at(tmp_path / "lake")
    for inputs in (0, 1):
        mode = "overwrite" if inputs else "append"
        write(made, "bronze.a", ROWS, note("bronze.a", f"run-{inputs}"), mode=mode)
        write(made, "silver.b", ROWS, note("silver.b", f"run-{inputs}", inputs={"bronze.a": inputs}), mode=mode)
        write(made, "gold.c", ROWS, note("gold.c", f"run-{inputs}", inputs={"silver.b": inputs}), mode=mode)
        write(made, "gold.other", ROWS, mode=mode)
    return made


def break_log(lake, table, *versions):
    for version in versions:
        Path(lake.catalog.table_uri(table), "_delta_log", f"{version:020d}.json").write_text("garbage")


def stored(lake, table):
    return {path.name for path in Path(lake.catalog.table_uri(table)).glob("*.parquet")}


def test_a_readable_lake_has_none(lake):
    assert unreadable_tables(lake.catalog) == {}
    assert possibly_required(lake.catalog, [], {}) == {}


def test_what_a_table_was_made_from_may_be_required(lake):
    break_log(lake, "silver.b", 1)
    assert set(unreadable_tables(lake.catalog)) == {"silver.b"}
    assert possibly_required(lake.catalog, ["silver.b"], {}) == {"bronze.a": "silver.b"}


@pytest.mark.parametrize(
    ("reads", "required"),
    [
        ({"silver.b": ["bronze.a"]}, {"bronze.a"}),
        ({"gold.c": ["silver.b"], "silver.b": []}, set()),
        ({}, {"bronze.a", "gold.c", "gold.other"}),
    ],
    ids=["declared", "declared without inputs", "nothing is known"],
)
def test_of_an_unreadable_log_the_declared_inputs_count_else_all_tables(lake, reads, required):
    break_log(lake, "silver.b", 0, 1)
    assert set(possibly_required(lake.catalog, ["silver.b"], reads)) == required


def test_a_vacuum_skips_these_and_deletes_of_the_others(lake):
    break_log(lake, "silver.b", 1)
    before = {name: stored(lake, name) for name in ("bronze.a", "silver.b", "gold.c", "gold.other")}
    found = {item.table: item for item in vacuum(lake.catalog, retention_hours=0)}
    assert "damaged log" in found["silver.b"].skipped
    assert found["bronze.a"].skipped == "silver.b cannot be read and may require it"
    assert (found["gold.other"].skipped, found["gold.other"].files) == ("", 1)
    assert stored(lake, "bronze.a") == before["bronze.a"]
    assert stored(lake, "silver.b") == before["silver.b"]
    assert len(stored(lake, "gold.other")) == len(before["gold.other"]) - 1
    (one,) = vacuum(lake.catalog, ["gold.c"], dry_run=True)
    assert one.skipped == ""


def test_a_vacuum_of_an_unknown_table_is_refused_as_ever(lake):
    break_log(lake, "silver.b", 1)
    with pytest.raises(Exception, match="there is no table"):
        vacuum(lake.catalog, ["gold.none"])
