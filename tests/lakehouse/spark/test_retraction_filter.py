from __future__ import annotations

from datetime import UTC, datetime

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.ledger.retractions import Retraction, Retractions
from lakehouse.spark.retraction_filter import retracted_rows, without_retracted
from tests.lakehouse.lakes import lake_at
from tests.lakehouse.own_matches import CASES, COLUMNS, ROWS

TABLE = Table(
    "silver.texts",
    doc="Texts.",
    columns=[Column(name, kind, "x", lineage=True) for name, kind in COLUMNS.items()],
    key=["sample_id"],
)
SCHEMA = "sample_id string, parent_ids array<string>, source string, license string, uri string, content_id string"


def split(spark, tmp_path, kind, value):
    order = Retraction(1, "r1", kind, value, "origin", "why", False, {}, {}, (), "ordered", datetime.now(UTC))
    orders = Retractions((order,))
    catalog = lake_at(tmp_path / "lake").catalog
    rows = spark.createDataFrame(ROWS, SCHEMA)
    kept = {row["sample_id"] for row in without_retracted(spark, catalog, TABLE, rows, orders).collect()}
    gone = {row["sample_id"] for row in retracted_rows(spark, catalog, TABLE, rows, orders).collect()}
    assert kept | gone == {row[0] for row in ROWS}
    assert not kept & gone
    return gone


def test_rows_are_matched_by_their_own_source_address_or_licence(spark, tmp_path):
    for kind, value, expected in CASES:
        assert split(spark, tmp_path, kind, value) == expected, (kind, value)
