from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.delta.change_feed import only_adds
from lakehouse.delta.file_actions import columns_in_log
from lakehouse.delta.store.table_folder import table_folder


@pytest.fixture
def table(tmp_path):
    """A table of three rows in two files, versions 1 and 2."""
    DeltaTable.create(
        str(tmp_path), schema=pa.schema([("n", pa.int64())]), configuration={"delta.enableChangeDataFeed": "true"}
    )
    for values in ([1, 2], [3]):
        write_deltalake(str(tmp_path), pa.table({"n": values}), mode="append")
    return str(tmp_path)


def test_appends_only_add(table):
    assert only_adds(table_folder(str(table)), 1, 2)


@pytest.mark.parametrize("predicate", ["n = 1", "n = 3"])
def test_a_delete_of_a_row_or_of_a_file_does_more(table, predicate):
    DeltaTable(table).delete(predicate)
    assert not only_adds(table_folder(str(table)), 1, 3)
    assert only_adds(table_folder(str(table)), 1, 2)


def test_an_update_and_an_overwrite_do_more(table):
    DeltaTable(table).update({"n": "n + 1"}, predicate="n = 1")
    assert not only_adds(table_folder(str(table)), 3, 3)
    write_deltalake(table, pa.table({"n": [7]}), mode="overwrite")
    assert not only_adds(table_folder(str(table)), 4, 4)


def test_rows_that_only_move_change_nothing(table):
    DeltaTable(table).optimize.compact()
    assert DeltaTable(table).version() == 3
    assert only_adds(table_folder(str(table)), 1, 3)


def test_the_columns_whose_values_a_log_states_are_those_that_any_commit_states(tmp_path):
    statistics = "delta.dataSkippingStatsColumns"
    rows = pa.table({"n": [1], "text": ["a word"]})
    DeltaTable.create(str(tmp_path), schema=rows.schema, configuration={statistics: ""})
    write_deltalake(str(tmp_path), rows, mode="append")
    assert columns_in_log(DeltaTable(str(tmp_path))) == set()
    DeltaTable(str(tmp_path)).alter.set_table_properties({statistics: "n,text"})
    write_deltalake(str(tmp_path), rows, mode="append")
    DeltaTable(str(tmp_path)).alter.set_table_properties({statistics: "n"})
    write_deltalake(str(tmp_path), rows, mode="overwrite")
    assert columns_in_log(DeltaTable(str(tmp_path))) == {"n", "text"}
