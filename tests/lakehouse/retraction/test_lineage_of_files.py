from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.delta.file_actions import types_in_log
from lakehouse.errors import TableNotFoundError
from lakehouse.ledger.retractions import load_retractions
from lakehouse.retraction.lineage_of_files import lineage_of_files
from lakehouse.retraction.remaining_rows import stored_files, tables_with_rows
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.lakehouse.lakes import lake_at, rows, write

ONE, TWO = "a1" * 16, "b2" * 16


def test_of_a_table_that_was_written_anew_each_file_is_read_by_its_own_types(tmp_path):
    lake = lake_at(tmp_path / "lake")
    uri = lake.catalog.table_uri("old.rows")
    made = [
        pa.table({"sample_id": [1], "source": [{"app": "x"}]}),
        pa.table({"sample_id": [ONE], "source": [{"app": "x"}]}),
        pa.table({"sample_id": [b"x"], "source": ["s"]}),
        pa.table({"sample_id": [TWO], "source": ["s"], "n": [1]}),
    ]
    for each in made:
        write_deltalake(uri, each, mode="overwrite", schema_mode="overwrite")
    write(lake, "new.rows", rows([ONE], source="s"))
    table = lake.catalog.open("old.rows")
    paths = stored_files(lake.catalog, ["old.rows", "new.rows"])
    source = lineage_of_files(
        table, paths["old.rows"], types_in_log(table), lambda types: lake.project.lineage_columns("old.rows", types)
    )
    with duckdb.connect() as database:
        database.register("found", source)
        for _ in range(2):  # each scan is a stream of its own
            found = database.execute(
                "SELECT sample_id, source FROM found WHERE sample_id IS NOT NULL ORDER BY ALL"
            ).fetchall()
            assert found == [(ONE, None), (TWO, "s")]
    retract(lake.project, RetractionRequest("source", ["s"], "x"))
    (order,) = load_retractions(lake.catalog).orders
    assert tables_with_rows(lake.project, order, paths) == {"new.rows", "old.rows"}


def test_a_table_without_mixlakes_columns_is_left_out(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "old.numbers", pa.table({"sample_id": [1], "run_id": [2.5]}))
    table = lake.catalog.open("old.numbers")
    with pytest.raises(TableNotFoundError):
        lineage_of_files(
            table, ["x"], types_in_log(table), lambda types: lake.project.lineage_columns("old.numbers", types)
        )
