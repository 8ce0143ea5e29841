from __future__ import annotations

import pyarrow as pa

from jobs.acquire.record_batch import batch_of
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table

TABLE = Table(
    "silver.t",
    doc="T.",
    columns=[
        Column("a", pa.int32(), "A.", nullable=False),
        Column("b", pa.string(), "B."),
        Column("c", pa.string(), "C."),
    ],
    key=["a"],
)


def test_values_get_the_types_of_the_contract_and_rejected_rows_may_lack_any():
    batch = batch_of(TABLE, {"b": ["x", None], "a": pa.array([1, None], pa.int64())}, [None, "no number"])
    assert batch.schema.names == ["a", "b", "_reject"]
    assert batch.schema.field("a").type == pa.int32()
    assert all(field.nullable for field in batch.schema)
    assert batch.to_pylist()[1] == {"a": None, "b": None, "_reject": "no number"}
