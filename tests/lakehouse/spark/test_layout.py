from __future__ import annotations

from contextlib import ExitStack

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT
from lakehouse.engine import Write
from lakehouse.engine.rules import BROKEN, REASON
from lakehouse.spark import checked_rows, layout
from lakehouse.spark.layout import arrange

MARKS = (
    f"CAST(NULL AS STRING) AS {REJECT}",
    f"CAST(NULL AS STRING) AS {REASON}",
    f"CAST(array() AS ARRAY<INT>) AS {BROKEN}",
)


def table(**fields):
    columns = [Column("id", pa.string(), "Identity."), Column("n", pa.int64(), "Number.")]
    return Table("silver.things", doc="Things.", columns=columns, key=["id"], **fields)


@pytest.fixture
def checked(spark):
    rows = spark.createDataFrame([(f"{n:03}", 99 - n) for n in range(100)], "id string, n long").repartition(7)
    with ExitStack() as stack:
        yield checked_rows.check(table(), rows.selectExpr("*", *MARKS), stack)


def test_few_rows_are_one_file_in_the_order_of_their_clustering(checked):
    arranged = arrange(table(cluster_by=["n"]), Write("append", checked))
    assert arranged.mode == "append"
    assert arranged.rows.rdd.getNumPartitions() == 1
    assert [row["n"] for row in arranged.rows.collect()] == list(range(100))


def test_many_rows_are_cut_by_ranges_of_their_clustering(spark, checked, monkeypatch):
    monkeypatch.setattr(layout, "_FILE_BYTES", 1)
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # it would put so few rows together again
    try:
        parts = arrange(table(cluster_by=["n"]), Write("overwrite", checked)).rows.rdd.glom().collect()
    finally:
        spark.conf.unset("spark.sql.adaptive.enabled")
    values = [[row["n"] for row in part] for part in parts if part]
    assert len(values) > 1
    assert sorted(values) == values
    assert all(part == sorted(part) for part in values)


def test_a_commit_that_leaves_all_rows_writes_none(checked):
    arranged = arrange(table(), Write("append", checked, unchanged=True))
    assert (arranged.mode, arranged.rows.count()) == ("append", 0)
