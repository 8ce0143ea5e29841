from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.engine.rules import REASON
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


def test_a_row_that_is_rejected_without_a_reason_says_so(spark):
    given = spark.createDataFrame([("a", " "), ("b", ": x"), ("c", "too old")], f"id string, {REJECT} string")
    rows = {row["id"]: (row[REJECT], row[REASON]) for row in conform(FLOW, given, "run-9").collect()}
    assert rows["a"] == ("no reason given", "no reason given")
    assert rows["b"] == ("no reason given: x", "no reason given")
    assert rows["c"] == ("too old", "too old")


def test_a_reason_of_the_flow_comes_first_and_an_optional_column_may_be_left_out(spark):
    given = spark.createDataFrame([("a", "too old")], f"id string, {REJECT} string")
    (row,) = conform(FLOW, given, "run-9").collect()
    assert (row["n"], row[REJECT]) == (None, "too old")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("2.75D", "returned 'n' as double, not int64"),
        ("true", "returned 'n' as bool, not int64"),
        ("'1'", "returned 'n' as string, not int64"),
        ("TIMESTAMP'2024-01-31 23:59:59'", "returned 'n' as timestamp[us, tz=UTC], not int64"),
        ("array(1)", "returned 'n' as list<item: int32>, not int64"),
    ],
)
def test_another_type_is_refused_before_a_job_runs(spark, sql, says):
    frame = spark.range(1).selectExpr("string(id) AS id", f"{sql} AS n")
    with pytest.raises(FlowError) as raised:
        conform(FLOW, frame, "run-9")
    assert raised.value.message == f"flows.f {says} (flows.py)"


def test_a_null_in_a_nested_field_is_named(spark):
    item = pa.struct([pa.field("x", pa.int64(), nullable=False), ("y", pa.string())])
    never = pa.list_(pa.field("item", item, nullable=False))
    table = Table(
        "silver.rows",
        doc="Rows.",
        key=["id"],
        columns=[
            Column("id", pa.int64(), "Id."),
            Column("rows", never, "Rows."),
            Column("tags", pa.map_(item, pa.field("value", pa.int64(), nullable=False)), "Tags."),
        ],
    )
    frame = spark.sql(
        "SELECT * FROM VALUES"
        " (1L, array(named_struct('y', 'a', 'x', 1)), map(named_struct('y', 'a', 'x', 1), 1)),"
        " (2L, array(named_struct('y', 'a', 'x', null), null), null),"
        " (3L, null, map(named_struct('y', 'a', 'x', null), null)) AS t(id, rows, tags)"
    )
    flow = Flow(id="flows.f", kind="frame", writes=table, reads={}, file="flows.py")
    found = {row["id"]: row for row in conform(flow, frame, "run-9").collect()}
    assert (found[1][REJECT], found[1]["rows"][0]["x"]) == (None, 1)
    assert found[2][REJECT] == "column rows[] is null; column rows[].x is null"
    assert found[3][REJECT] == "column tags{key}.x is null; column tags{value} is null"


def test_a_column_too_many_or_a_required_one_too_few_is_refused(spark):
    with pytest.raises(FlowError, match="returned a column 'other'"):
        conform(FLOW, spark.createDataFrame([("a", 1)], "id string, other int"), "run-9")
    with pytest.raises(FlowError, match="returned the column 'n' twice"):
        conform(FLOW, spark.sql("SELECT 'a' AS id, 1 AS n, 2 AS n"), "run-9")
    with pytest.raises(FlowError, match="left out the column 'id'"):
        conform(FLOW, spark.createDataFrame([(1,)], "n int"), "run-9")
