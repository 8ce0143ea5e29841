from __future__ import annotations

import pytest

from lakehouse.ledger import tables
from lakehouse.lineage.index.state import index_state
from tests.lakehouse.lakes import lake_at, note, rows, write
from tests.lakehouse.lineage.index.graphs import all_entries, write_index


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    write(made, "bronze.a", rows(["aa", "ab"]), note("bronze.a"))
    write(made, "silver.b", rows(["ba"], [["aa"]]), note("silver.b"))
    write(made, "silver.counts", rows(["x"]).drop_columns(["sample_id"]), note("silver.counts"))
    write_index(made, [all_entries(made)])
    return made


def test_an_index_of_the_latest_rows_is_current(lake):
    state = index_state(lake.project)
    assert state.current
    assert state.versions == {"bronze.a": 0, "silver.b": 0}


def test_without_an_index_all_is_unknown(tmp_path):
    lake = lake_at(tmp_path / "none")
    assert not index_state(lake.project).current
    write(lake, "bronze.a", rows(["aa"]), note("bronze.a"))
    assert index_state(lake.project).unknown == {"bronze.a"}


def test_new_rows_are_a_change_and_commits_without_any_are_none(lake):
    write(lake, "bronze.a", rows([]), note("bronze.a", "run-2", changed=False))
    lake.catalog.open("bronze.a").optimize.compact()
    lake.catalog.open("bronze.a").alter.set_table_properties({"delta.appendOnly": "false"})
    assert index_state(lake.project).current
    write(lake, "bronze.a", rows(["ac"]), note("bronze.a", "run-3"))
    assert index_state(lake.project).changed == {"bronze.a"}


def test_a_change_that_no_flow_made_counts(lake):
    lake.catalog.open("silver.b").delete("sample_id = 'ba'")
    assert index_state(lake.project).changed == {"silver.b"}


def test_where_the_log_was_cleared_rows_may_have_changed(lake):
    from pathlib import Path

    for number in range(3):
        write(lake, "bronze.a", rows([f"c{number}"]), note("bronze.a", f"run-{number}"))
        lake.catalog.open("bronze.a").create_checkpoint()
    write(lake, "bronze.a", rows([]), note("bronze.a", "run-9", changed=False))
    for number in range(3):
        Path(lake.catalog.table_uri("bronze.a"), "_delta_log", f"{number:020d}.json").unlink()
    assert index_state(lake.project).changed == {"bronze.a"}


def test_new_replaced_and_vanished_tables_are_told(lake):
    import shutil

    write(lake, "silver.new", rows(["na"]), note("silver.new"))
    shutil.rmtree(lake.catalog.table_uri("bronze.a"))
    shutil.rmtree(lake.catalog.table_uri("silver.b"))
    write(lake, "silver.b", rows(["other"]), note("silver.b"))
    state = index_state(lake.project)
    assert (state.unknown, state.gone) == ({"silver.new", "silver.b"}, {"bronze.a", "silver.b"})
    assert not state.changed


def test_a_table_set_back_is_another(lake):
    from pathlib import Path

    write(lake, "bronze.a", rows(["ac"]), note("bronze.a", "run-2"))
    write_index(lake, [all_entries(lake)])
    Path(lake.catalog.table_uri("bronze.a"), "_delta_log", f"{1:020d}.json").unlink()
    assert index_state(lake.project).unknown == index_state(lake.project).gone == {"bronze.a"}


def test_an_index_of_another_contract_is_none(lake, monkeypatch):
    from lakehouse.lineage.index import state

    monkeypatch.setattr(state, "FORMAT", "0")
    assert index_state(lake.project).edges is None
    assert index_state(lake.project).unknown == {"bronze.a", "silver.b"}
    assert tables.edges.name not in index_state(lake.project).tables
