from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, flow
from lakehouse.engine.lost_rows import can_be_lost, lost_row
from lakehouse.engine.operator_runner import runner_of

ID = Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True)
PARENTS = Column("parent_ids", pa.list_(pa.string()), "Parents.", lineage=True)
SIZE = Column("size", pa.int64(), "Bytes.")
RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
files = Table("bronze.files", doc="Files.", columns=[ID, PARENTS, SIZE, RUN], key=["sample_id"])
pictures = Table(
    "silver.pictures", doc="Pictures.", columns=[ID, PARENTS, Column("size", pa.int32(), "x"), RUN], key=["sample_id"]
)


def made(**fields):
    @flow(writes=pictures, reads={"files": files}, **fields)
    def decode(batch, params):
        return batch

    return decode.__mixlake_flow__


ROW = pa.record_batch(
    {"sample_id": ["a"], "parent_ids": pa.array([["source"]], pa.list_(pa.string())), "size": pa.array([7], pa.int64())}
)


@pytest.mark.parametrize(
    ("source_key_sql", "parents"),
    [
        ("sample_id", ["source"]),
        ("get(parent_ids, 0)", ["a"]),
        ("coalesce(get(parent_ids, 0), sample_id)", []),
    ],
)
def test_a_lost_row_names_its_source_row(source_key_sql, parents):
    spec = made(source_key_sql=source_key_sql)
    assert can_be_lost(spec)
    lost = lost_row(spec, runner_of(spec, None), ROW, "it was ended").to_pylist()
    assert lost == [{"sample_id": "a", "parent_ids": parents, "size": None, REJECT: "it was ended"}]


def test_an_operator_whose_rows_name_their_source_otherwise_is_not_narrowed():
    assert not can_be_lost(made(source_key_sql="upper(sample_id)"))
