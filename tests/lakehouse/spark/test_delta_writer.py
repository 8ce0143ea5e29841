from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import add_columns, append_rows, create
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.history import newest_note
from lakehouse.delta.schema_drift import compare_schema
from lakehouse.lake import Lake
from lakehouse.spark import delta_writer
from lakehouse.spark.delta_writer import CommitStamp
from lakehouse.spark.rows_to_write import RowsToWrite
from tests.lakehouse.lakes import lake_at, note

NOTE_SETTING = "spark.databricks.delta.commitInfo.userMetadata"
N = Column("n", pa.int32(), "Number.")
ID = Column("id", pa.string(), "Identity.", nullable=False)


def table(*columns, key=("id",)):
    return Table("bronze.things", doc="A thing.", columns=[ID, *columns], key=key)


def stored(tmp_path, contract):
    rows = pa.table({c.name: pa.nulls(1, c.type) if c.name != "id" else pa.array(["a"]) for c in contract.columns})
    append_rows(Catalog(str(tmp_path)), contract, rows)
    return Catalog(str(tmp_path)).open(contract.name)


def test_only_added_nullable_columns_fit_rows_that_are_stored_already(tmp_path):
    one, two = Column("one", pa.int32(), "One."), Column("two", pa.list_(pa.string()), "Two.")
    held = stored(tmp_path, table(one))
    assert compare_schema(held, table(one)) == compare_schema(
        held, Table("bronze.things", doc="x", columns=[one, ID], key=["id"])
    )
    assert compare_schema(held, table(one, two)).added == ("two",)
    assert not compare_schema(held, table(one, two)).incompatible
    required = Column("two", pa.string(), "Two.", nullable=False)
    assert compare_schema(held, table(one, required)).incompatible == ("column two is new and may not be null",)
    assert compare_schema(held, table()).incompatible == ("column one is no longer declared",)
    wider = Column("one", pa.int64(), "One.")
    assert compare_schema(held, table(wider)).incompatible == ("column one is stored as int32, now int64",)


def test_an_added_column_is_null_in_the_rows_that_are_there_and_changes_no_data(tmp_path):
    one, two = Column("one", pa.int32(), "One."), Column("two", pa.list_(pa.string()), "Two.")
    before = stored(tmp_path, table(one))
    files = before.file_uris()
    grown = table(one, two)
    lake = Lake(str(tmp_path))
    add_columns(lake.catalog, grown, ["two"])
    add_columns(lake.catalog, grown, ["two"])  # as a run that was killed in between does
    after = lake.catalog.open("bronze.things")
    assert after.file_uris() == files
    assert after.to_pyarrow_table().to_pylist() == [{"id": "a", "one": None, "two": None}]
    assert not compare_schema(after, grown).added
    assert after.protocol().min_reader_version == 1


def test_a_merge_and_an_append_between_each_others_steps_keep_their_notes(spark, tmp_path, monkeypatch):
    from delta.tables import DeltaTable as SparkDeltaTable

    lake = lake_at(tmp_path / "lake")
    things, others = table(N), Table("bronze.others", doc="Others.", columns=[ID, N], key=["id"])
    for contract in (things, others):
        create(lake.catalog, contract)
    one, two = (spark.newSession() for _ in range(2))
    find_table, appended = SparkDeltaTable.forPath, []

    def late(session, path):
        # The merge's note and transaction are settings of its session by now.
        rows = two.createDataFrame([("x", 1)], "id string, n int")
        of = note("bronze.others", "run-2")
        appended.append(delta_writer.write(two, lake.catalog, others, RowsToWrite("append", rows), CommitStamp(of, 7)))
        return find_table(session, path)

    monkeypatch.setattr(SparkDeltaTable, "forPath", staticmethod(late))
    rows = one.createDataFrame([("a", 1, "I"), ("b", 2, "I")], "id string, n int, _action string")
    of = note("bronze.things", "run-1")
    merged = delta_writer.write(one, lake.catalog, things, RowsToWrite("merge", rows), CommitStamp(of, 3))
    for contract, version, run_id, number in ((things, merged, "run-1", 3), (others, *appended, "run-2", 7)):
        held = lake.catalog.open(contract.name)
        newest, found = newest_note(held)
        assert (newest, found.run_id, found.flow) == (version, run_id, f"flows.{contract.name}")
        apps = {flow: held.transaction_version(f"flows.{flow}") for flow in ("bronze.things", "bronze.others")}
        assert apps == {flow: number if flow == contract.name else None for flow in apps}
    assert [one.conf.get(key, None) for key in (NOTE_SETTING, "spark.databricks.delta.write.txnAppId")] == [None, None]
