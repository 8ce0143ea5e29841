from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.ledger.retractions import Retraction, Retractions
from lakehouse.spark.retraction_filter import retracted_rows, without_retracted
from tests.lakehouse.lakes import lake_at

TABLE = Table(
    "silver.texts",
    doc="Texts.",
    columns=[
        Column("sample_id", pa.string(), "Identity.", lineage=True),
        Column("parent_ids", pa.list_(pa.string()), "Parents.", lineage=True),
        Column("source", pa.string(), "Source.", lineage=True),
        Column("license", pa.string(), "License.", lineage=True),
        Column("uri", pa.string(), "Address.", lineage=True),
    ],
    key=["sample_id"],
)
ROWS = [
    ("a", [], "s1", "MIT", "u:/one"),
    ("b", [], "s2", "GPL-3.0 AND MIT", "u:/two"),
    ("c", ["b"], "s2", "GPL-3.0 AND MIT", "u:/three"),
    ("d", [], None, None, None),
]


def split(spark, tmp_path, kind, value):
    order = Retraction(1, "r1", kind, value, "origin", "why", False, {}, {}, (), "ordered", datetime.now(UTC))
    orders = Retractions((order,))
    catalog = lake_at(tmp_path / "lake").catalog
    rows = spark.createDataFrame(
        ROWS, "sample_id string, parent_ids array<string>, source string, license string, uri string"
    )
    kept = {row["sample_id"] for row in without_retracted(spark, catalog, TABLE, rows, orders).collect()}
    gone = {row["sample_id"] for row in retracted_rows(spark, catalog, TABLE, rows, orders).collect()}
    assert kept | gone == {"a", "b", "c", "d"}
    assert not kept & gone
    return gone


def test_rows_are_matched_by_their_own_source_address_or_licence(spark, tmp_path):
    assert split(spark, tmp_path, "source", "s1") == {"a"}
    assert split(spark, tmp_path, "uri", "u:/t*") == {"b", "c"}
    # A joined licence is matched where the row landed with it; what was cut from several rows follows by its parents.
    assert split(spark, tmp_path, "license", "GPL-3.0") == {"b"}
    assert split(spark, tmp_path, "source", "unknown") == set()
