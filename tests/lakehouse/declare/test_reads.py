from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.reads import read, tagged
from lakehouse.errors import FlowError

ID = Column("id", pa.string(), "Identity.", nullable=False)
TABLE = Table("silver.things", doc="A thing.", columns=[ID], key=["id"])


def test_a_read_names_its_table_and_columns():
    made = read(TABLE, where="id > 'a'", columns=["id"])
    assert (made.table, made.tag, made.where, made.names) == ("silver.things", "", "id > 'a'", ("id",))
    assert tagged("lineage", columns=[ID, "n"]).names == ("id", "n")


def test_columns_to_read_are_a_list():
    with pytest.raises(FlowError, match="columns is 'sample_id', which must be a list"):
        read(TABLE, columns="sample_id")
    with pytest.raises(FlowError, match="columns is 'sample_id', which must be a list"):
        tagged("lineage", columns="sample_id")
