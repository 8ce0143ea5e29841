from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.contract import Check, Column, Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.errors import FlowError
from lakehouse.spark.conform import conform

TABLE = Table(
    "silver.things",
    doc="Things.",
    columns=[
        Column("id", pa.string(), "Identity.", nullable=False),
        Column("n", pa.int64(), "Number."),
        Column("run_id", pa.string(), "Run.", volatile=True, lineage=True),
    ],
    key=["id"],
    checks=[Check("n is positive", "n > 0")],
)
FLOW = Flow(id="flows.f", kind="frame", writes=TABLE, reads={}, file="flows.py")


def test_rows_are_cast_stamped_and_marked(spark):
    given = spark.createDataFrame([("a", 1), ("b", -1), (None, 2), ("d", None)], "id string, n int")
    rows = {row["id"]: row for row in conform(FLOW, given, "run-9").collect()}
    assert {row["run_id"] for row in rows.values()} == {"run-9"}
    assert (rows["a"]["n"], rows["a"][REJECT]) == (1, None)
    assert rows["b"][REJECT] == "n is positive"
    assert rows[None][REJECT] == "column id is null"
    # A check that is neither true nor false is broken, too.
    assert rows["d"][REJECT] == "n is positive"


def test_a_reason_of_the_flow_comes_first_and_an_optional_column_may_be_left_out(spark):
    given = spark.createDataFrame([("a", "too old")], f"id string, {REJECT} string")
    (row,) = conform(FLOW, given, "run-9").collect()
    assert (row["n"], row[REJECT]) == (None, "too old")


def test_a_column_too_many_or_a_required_one_too_few_is_refused(spark):
    with pytest.raises(FlowError, match="returned a column 'other'"):
        conform(FLOW, spark.createDataFrame([("a", 1)], "id string, other int"), "run-9")
    with pytest.raises(FlowError, match="left out the column 'id'"):
        conform(FLOW, spark.createDataFrame([(1,)], "n int"), "run-9")
