from __future__ import annotations

import pyarrow as pa

from lakehouse.commit import add_columns, append_rows, compare
from lakehouse.contract import Column, Table
from lakehouse.lake import Lake, open_table

ID = Column("id", pa.string(), "Identity.", nullable=False)


def table(*columns, key=("id",)):
    return Table("bronze.things", doc="A thing.", columns=[ID, *columns], key=key)


def stored(tmp_path, contract):
    rows = pa.table({c.name: pa.nulls(1, c.type) if c.name != "id" else pa.array(["a"]) for c in contract.columns})
    append_rows(str(tmp_path), contract, rows)
    return open_table(str(tmp_path), contract.name)


def test_only_added_nullable_columns_fit_rows_that_are_stored_already(tmp_path):
    one, two = Column("one", pa.int32(), "One."), Column("two", pa.list_(pa.string()), "Two.")
    held = stored(tmp_path, table(one))
    assert compare(held, table(one)) == compare(held, Table("bronze.things", doc="x", columns=[one, ID], key=["id"]))
    assert compare(held, table(one, two)).added == ("two",)
    assert not compare(held, table(one, two)).breaks
    required = Column("two", pa.string(), "Two.", nullable=False)
    assert compare(held, table(one, required)).breaks == ("column two is new and may not be null",)
    assert compare(held, table()).breaks == ("column one is no longer declared",)
    wider = Column("one", pa.int64(), "One.")
    assert compare(held, table(wider)).breaks == ("column one is stored as integer, now long",)


def test_an_added_column_is_null_in_the_rows_that_are_there_and_changes_no_data(tmp_path):
    one, two = Column("one", pa.int32(), "One."), Column("two", pa.list_(pa.string()), "Two.")
    before = stored(tmp_path, table(one))
    files = before.file_uris()
    grown = table(one, two)
    lake = Lake(str(tmp_path))
    add_columns(lake, grown, ["two"])
    add_columns(lake, grown, ["two"])  # as a run that was killed in between does
    after = lake.open("bronze.things")
    assert after.file_uris() == files
    assert after.to_pyarrow_table().to_pylist() == [{"id": "a", "one": None, "two": None}]
    assert not compare(after, grown).added
    assert after.protocol().min_reader_version == 1
