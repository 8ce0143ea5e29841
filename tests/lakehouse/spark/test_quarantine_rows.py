from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.engine.rules import BROKEN, REASON
from lakehouse.spark import checked_rows
from lakehouse.spark.quarantine_rows import Attempt, rejected_rows

TABLE = Table(
    "silver.things",
    doc="Things.",
    columns=[Column("sample_id", pa.string(), "Identity.", lineage=True), Column("data", pa.binary(), "Bytes.")],
    key=["sample_id"],
)


def test_rejected_rows_are_json_with_bytes_by_length_and_digest(spark):
    flow = Flow(id="flows.f", kind="operator", writes=TABLE, reads={}, source_key_sql="concat(sample_id, '!')")
    given = [("a", b"\x00\xff", "too short: 2"), ("b", b"long", None)]
    rows = spark.createDataFrame(given, f"sample_id string, data binary, {REJECT} string")
    marks = (f"substring_index({REJECT}, ':', 1) AS {REASON}", f"CAST(array() AS ARRAY<INT>) AS {BROKEN}")
    rows = rows.selectExpr("*", *marks)
    with ExitStack() as stack:
        checked = checked_rows.check(TABLE, rows, stack)
        (row,) = rejected_rows(Attempt(flow, "attempt-1", "run-1"), checked).collect()
    assert (row["attempt"], row["flow"], row["table"], row["run_id"]) == ("attempt-1", "flows.f", TABLE.name, "run-1")
    assert (row["sample_id"], row["origin"], row["reason"]) == ("a", "a!", "too short: 2")
    digest = hashlib.sha256(b"\x00\xff").hexdigest()
    assert json.loads(row["row"]) == {"sample_id": "a", "data": f"2 bytes {digest}"}
    assert checked.reasons == {"too short": 1}
