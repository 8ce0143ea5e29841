"""Quarantine rows of a flow, and mark those that are processed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.flow import REJECT, Flow
from lakehouse.delta.catalog import Catalog
from lakehouse.execute.checks import Staged
from lakehouse.ledger import tables
from lakehouse.ledger.quarantine import MARK, attempts
from lakehouse.spark import delta_reader

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def _aside(session: SparkSession, catalog: Catalog, flow: Flow) -> DataFrame | None:
    """Return (origin) of the rows of a flow's table that are aside, one row each."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    counted = attempts(catalog.open(flow.writes.name))
    if not counted or not catalog.has(tables.quarantine.name):
        return None
    rows = delta_reader.load(session, catalog, tables.quarantine, int(catalog.open(tables.quarantine.name).version()))
    place = session.createDataFrame([(name, i) for i, name in enumerate(counted)], "attempt string, place int")
    of_table = rows.where(F.col("table") == flow.writes.name).join(F.broadcast(place), "attempt")
    last = F.max("place").over(Window.partitionBy("origin"))
    return (
        of_table.withColumn("last_place", last)
        .where(F.col("row").isNotNull() & (F.col("origin").isNull() | (F.col("place") == F.col("last_place"))))
        .select("origin")
    )


def origins(session: SparkSession, catalog: Catalog, flow: Flow) -> DataFrame | None:
    """Return the driving keys of the rows that are aside; None where one of them is not known."""
    aside = _aside(session, catalog, flow)
    if aside is None or not aside.where("origin IS NULL").isEmpty():
        return None
    return aside.distinct()


def marks(  # noqa: PLR0913, PLR0917 - what a mark says
    session: SparkSession, catalog: Catalog, flow: Flow, keys: DataFrame, attempt: str, run_id: str
) -> DataFrame | None:
    """Return one mark for each origin of rows that are aside and that is processed again now; None where none is."""
    from pyspark.sql import functions as F

    aside = _aside(session, catalog, flow)
    if aside is None:
        return None
    again = keys.toDF("origin").select(F.col("origin").cast("string").alias("origin"))
    origin = aside.where("origin IS NOT NULL").distinct().join(again, "origin", "left_semi").persist()
    if origin.isEmpty():
        return None
    null = F.lit(None).cast("string")
    return origin.select(
        F.lit(attempt).alias("attempt"),
        F.lit(flow.id).alias("flow"),
        F.lit(flow.writes.name).alias("table"),
        null.alias("sample_id"),
        "origin",
        F.lit(MARK).alias("reason"),
        null.alias("row"),
        F.lit(run_id).alias("run_id"),
        F.current_timestamp().alias("at"),
    )


def quarantine_rows(flow: Flow, found: Staged, attempt: str, run_id: str) -> DataFrame:
    """Return rejected rows as rows of ``ledger.quarantine``; bytes are given by length and SHA-256."""
    from pyspark.sql import functions as F

    shown = []
    for column in flow.writes.columns:
        value = F.col(f"`{column.name}`")
        if pa.types.is_binary(column.type):
            value = F.concat_ws(" ", F.octet_length(value).cast("string"), F.lit("bytes"), F.sha2(value, 256))
        shown.append(value.alias(column.name))
    null = F.lit(None).cast("string")
    can_tell = "sample_id" in flow.writes and (flow.kind == "operator" or flow.refresh == "merge")
    return found.rejected.select(
        F.lit(attempt).alias("attempt"),
        F.lit(flow.id).alias("flow"),
        F.lit(flow.writes.name).alias("table"),
        (F.col("sample_id") if "sample_id" in flow.writes else null).alias("sample_id"),
        (F.expr(flow.origin).cast("string") if can_tell else null).alias("origin"),
        F.col(REJECT).alias("reason"),
        F.to_json(F.struct(*shown)).alias("row"),
        F.lit(run_id).alias("run_id"),
        F.current_timestamp().alias("at"),
    )
