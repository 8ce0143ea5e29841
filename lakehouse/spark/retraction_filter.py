"""Filter a table's rows by the retractions with Spark; see `lakehouse.retraction.retract`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.delta.catalog import Catalog
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import CONTENT, SAMPLE, Retractions, pattern
from lakehouse.spark import delta_reader

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


def without_retracted(
    session: SparkSession, catalog: Catalog, table: Table, rows: DataFrame, orders: Retractions
) -> DataFrame:
    """Return the rows of a table that no order takes out."""
    from pyspark.sql import functions as F

    if not orders.orders or SAMPLE_ID not in table.lineage:
        return rows
    condition = matching(table, orders)
    if condition is not None:
        rows = rows.where(~F.coalesce(condition, F.lit(False)))
    for column, kind in _by_id(table):
        if orders.ids_version >= 0:
            rows = rows.join(ids(session, catalog, orders, kind).toDF(column), column, "left_anti")
    return rows


def retracted_rows(
    session: SparkSession, catalog: Catalog, table: Table, rows: DataFrame, orders: Retractions
) -> DataFrame:
    """Return the rows of a table that an order takes out."""
    from pyspark.sql import functions as F

    keys = list(table.key)
    condition = matching(table, orders)
    found = rows.where(F.coalesce(condition, F.lit(False)) if condition is not None else F.lit(False)).select(*keys)
    for column, kind in _by_id(table):
        if orders.ids_version >= 0:
            named = ids(session, catalog, orders, kind).toDF(column)
            found = found.union(rows.join(named, column, "left_semi").select(*keys))
    return rows.join(found.distinct(), keys, "left_semi")


def matching(table: Table, orders: Retractions) -> Column | None:
    """Return the condition under which a row's own source, licence or address is taken out; None where none can be."""
    from pyspark.sql import functions as F

    parts, lineage = [], table.lineage
    if "source" in lineage and (sources := orders.values("source")):
        parts.append(F.col("source").isin(sources))
    if "license" in lineage and (licenses := orders.values("license")):
        joined = F.arrays_overlap(F.split("license", " AND "), F.array(*map(F.lit, licenses)))
        landed = F.coalesce(F.size("parent_ids"), F.lit(0)) <= 0 if "parent_ids" in lineage else F.lit(True)
        parts.append(F.col("license").isin(licenses) | (joined & landed))
    if "uri" in lineage:
        parts.extend(F.col("uri").rlike(pattern(value)) for value in orders.values("uri"))
    whole: Column | None = None
    for part in (F.coalesce(part, F.lit(False)) for part in parts):
        whole = part if whole is None else whole | part
    return whole


def ids(session: SparkSession, catalog: Catalog, orders: Retractions, *kinds: str) -> DataFrame:
    """Return the distinct ids of some kinds that orders name, as the column ``id``."""
    from pyspark.sql import functions as F

    rows = delta_reader.load(session, catalog, tables.retracted, orders.ids_version)
    known = [order.retraction_id for order in orders.orders]
    return rows.where(F.col("kind").isin(list(kinds)) & F.col("retraction_id").isin(known)).select("id").distinct()


def _by_id(table: Table) -> list[tuple[str, str]]:
    named = ((SAMPLE_ID, SAMPLE), ("content_id", CONTENT))
    return [(column, kind) for column, kind in named if column in table.lineage]
