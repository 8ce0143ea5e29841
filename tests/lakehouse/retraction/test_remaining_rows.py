"""Which files still have rows of an order is decided by the files."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lakehouse.ledger.retractions import load_retractions
from lakehouse.retraction.remaining_rows import files_at, may_contain_rows, stored_files, tables_with_rows
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.lakehouse.lakes import lake_at, note, rows, write

A, B, CUT = "aa" * 16, "bb" * 16, "cc" * 16


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    write(made, "bronze.a", rows([A]), note("bronze.a"))
    write(made, "silver.b", rows([CUT], [[A]]), note("silver.b", inputs={"bronze.a": 0}))
    retract(made.project, RetractionRequest("id", [A], reason="asked"))
    write(made, "bronze.a", rows([B]), note("bronze.a", "run-2"), mode="overwrite")
    write(made, "silver.b", rows([CUT], [[B]]), note("silver.b", "run-2", inputs={"bronze.a": 1}), mode="overwrite")
    return made


def test_old_files_have_rows_and_new_ones_made_from_other_rows_do_not(lake):
    order = load_retractions(lake.catalog).orders[0]
    stored = stored_files(lake.catalog, ["bronze.a", "silver.b"])
    assert {name: len(paths) for name, paths in stored.items()} == {"bronze.a": 2, "silver.b": 2}
    assert tables_with_rows(lake.project, order, stored) == {"bronze.a", "silver.b"}
    latest = files_at(lake.catalog, {"bronze.a": 1, "silver.b": 1}, stored)
    assert tables_with_rows(lake.project, order, latest) == set()
    # By its id alone, where no file says what it was made from any more.
    assert tables_with_rows(lake.project, order, {"bronze.a": stored["bronze.a"]}) == {"bronze.a"}
    assert tables_with_rows(lake.project, order, {"bronze.a": []}) == set()


def test_files_that_no_commit_names_or_that_are_gone_are_not_stored(lake):
    folder = Path(lake.catalog.table_uri("bronze.a"))
    before = stored_files(lake.catalog, ["bronze.a"])["bronze.a"]
    pq.write_table(rows([A]), folder / "part-left.parquet")
    assert stored_files(lake.catalog, ["bronze.a"])["bronze.a"] == before
    (folder / before[0]).unlink()
    assert stored_files(lake.catalog, ["bronze.a"])["bronze.a"] == before[1:]


def test_a_file_may_contain_rows_unless_it_says_that_it_has_none(lake):
    folder = Path(lake.catalog.table_uri("bronze.a"))
    pq.write_table(rows([A]).slice(0, 0), folder / "empty.parquet")
    (folder / "half.parquet").write_bytes(b"PAR1")
    pq.write_table(rows([A]), folder / "full.parquet")
    found = {
        name: may_contain_rows(lake.catalog, "bronze.a", [f"{name}.parquet"])
        for name in ("empty", "half", "full", "no")
    }
    assert found == {"empty": False, "half": True, "full": True, "no": False}
