"""Make the rows of ``ledger.quarantine``: rejected rows, and marks for origins that are processed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.flow import REJECT, Flow
from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.delta.catalog import Catalog
from lakehouse.engine import CheckedRows
from lakehouse.ledger import tables
from lakehouse.ledger.quarantine import MARK, attempts
from lakehouse.spark import checked_rows, delta_reader

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt of a flow under which rows are quarantined.

    Args:
        flow: The flow.
        name: The attempt's name.
        run_id: The run.
    """

    flow: Flow
    name: str
    run_id: str

    def rows(self, rows: DataFrame, *, sample_id: Column, origin: Column, reason: Column, row: Column) -> DataFrame:
        """Return rows of ``ledger.quarantine``."""
        from pyspark.sql import functions as F

        return rows.select(
            F.lit(self.name).alias("attempt"),
            F.lit(self.flow.id).alias("flow"),
            F.lit(self.flow.writes.name).alias("table"),
            sample_id.alias("sample_id"),
            origin.alias("origin"),
            reason.alias("reason"),
            row.alias("row"),
            F.lit(self.run_id).alias("run_id"),
            F.current_timestamp().alias("at"),
        )


def rejected_rows(attempt: Attempt, checked: CheckedRows) -> DataFrame:
    """Return rejected rows as JSON with their reasons; bytes are given by length and SHA-256."""
    from pyspark.sql import functions as F

    flow = attempt.flow
    shown = []
    for column in flow.writes.columns:
        value = F.col(f"`{column.name}`")
        if pa.types.is_binary(column.type):
            text = F.concat_ws(" ", F.octet_length(value).cast("string"), F.lit("bytes"), F.sha2(value, 256))
            value = F.when(value.isNotNull(), text)
        shown.append(value.alias(column.name))
    null = F.lit(None).cast("string")
    has_id = SAMPLE_ID in flow.writes.lineage
    return attempt.rows(
        checked_rows.rejected(checked),
        sample_id=F.make_valid_utf8(SAMPLE_ID) if has_id else null,
        origin=F.make_valid_utf8(F.expr(flow.source_key_sql).cast("string")) if has_id and flow.incremental else null,
        reason=F.col(REJECT),
        row=F.make_valid_utf8(F.to_json(F.struct(*shown))),
    )


def marks(session: SparkSession, catalog: Catalog, attempt: Attempt, keys: DataFrame) -> DataFrame | None:
    """Return one mark for each origin of quarantined rows that is processed again now; None where there is none."""
    from pyspark.sql import functions as F

    quarantined = _quarantined_origins(session, catalog, attempt.flow)
    if quarantined is None:
        return None
    again = keys.toDF("origin").select(F.col("origin").cast("string").alias("origin"))
    marked = quarantined.where("origin IS NOT NULL").distinct().join(again, "origin", "left_semi").persist()
    if marked.isEmpty():
        return None
    null = F.lit(None).cast("string")
    return attempt.rows(marked, sample_id=null, origin=F.col("origin"), reason=F.lit(MARK), row=null)


def origins(session: SparkSession, catalog: Catalog, flow: Flow) -> DataFrame | None:
    """Return the source keys of a flow's quarantined rows; None where one of them is not known."""
    quarantined = _quarantined_origins(session, catalog, flow)
    if quarantined is None or not quarantined.where("origin IS NULL").isEmpty():
        return None
    return quarantined.distinct()


def _quarantined_origins(session: SparkSession, catalog: Catalog, flow: Flow) -> DataFrame | None:
    """Return (origin) of the rows of a flow's table that are quarantined, one row each."""
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
