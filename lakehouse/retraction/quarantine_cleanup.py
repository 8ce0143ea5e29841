"""Delete retracted rows from quarantine after a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lakehouse.delta.catalog import Catalog
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import CONTENT, DERIVED, SAMPLE, Retractions, load_retractions, pattern
from lakehouse.spark import delta_reader, delta_writer, retraction_filter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_AGAIN = f"{delta_writer.QUARANTINE_APP}.again"


def delete_retracted_rows(catalog: Catalog, spark: Callable[[], SparkSession], *, again: bool = False) -> bool:
    """Delete quarantined rows that retractions take out, where that was not done yet.

    Args:
        catalog: The lake's catalog.
        spark: Called where Spark is needed.
        again: Whether to repeat it where it was done: a run that did not know the orders has quarantined rows since.

    Returns:
        Whether anything was to be done.
    """
    orders = load_retractions(catalog)
    if not orders.orders or not catalog.has(tables.quarantine.name):
        return False
    opened = catalog.open(tables.quarantine.name)
    done = int(opened.transaction_version(delta_writer.QUARANTINE_APP) or 0) >= orders.ordinal
    if done and not again:
        return False
    app, number = (delta_writer.QUARANTINE_APP, orders.ordinal) if not done else (_AGAIN, int(opened.version()) + 1)
    session = spark().newSession()
    rows = delta_reader.load(session, catalog, tables.quarantine, int(opened.version()))
    retracted = _retracted(session, catalog, rows, orders)
    delta_writer.delete_quarantined(session, catalog, retracted, app=app, number=number)
    return True


def _retracted(session: SparkSession, catalog: Catalog, rows: DataFrame, orders: Retractions) -> DataFrame:
    """Return attempt, reason and row of quarantined rows that an order matches, or that were made from such rows."""
    from pyspark.sql import functions as F

    schema = "source string, license string, uri string, sample_id string, content_id string, parent_ids array<string>"
    body = F.from_json("row", schema)
    rows = rows.where("row IS NOT NULL").select("attempt", "reason", "row", "sample_id", "origin", body.alias("body"))
    conditions = []
    if sources := orders.values("source"):
        conditions.append(F.col("body.source").isin(sources))
    if licenses := orders.values("license"):
        conditions.append(F.col("body.license").isin(licenses))
        conditions.append(F.arrays_overlap(F.split("body.license", " AND "), F.array(*map(F.lit, licenses))))
    conditions.extend(F.col("body.uri").rlike(pattern(value)) for value in orders.values("uri"))
    names = ["attempt", "reason", "row"]
    found = rows.where("false").select(*names)
    for condition in conditions:
        found = found.union(rows.where(F.coalesce(condition, F.lit(False))).select(*names))
    if orders.ids_version >= 0:
        ids = retraction_filter.ids(session, catalog, orders, SAMPLE, CONTENT, DERIVED)
        marks = F.filter(
            F.concat(
                F.array("sample_id", "origin", "body.sample_id", "body.content_id"),
                F.coalesce("body.parent_ids", F.array().cast("array<string>")),
            ),
            lambda item: item.isNotNull(),
        )
        named = rows.select(*names, F.explode(marks).alias("id")).join(ids, "id", "left_semi")
        found = found.union(named.select(*names))
    return found.distinct()
