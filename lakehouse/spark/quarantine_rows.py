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
    from pyspark.sql.types import DataType


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
    rows = checked_rows.rejected(checked)
    return attempt.rows(
        rows,
        sample_id=F.make_valid_utf8(SAMPLE_ID) if has_id else null,
        origin=F.make_valid_utf8(_text(rows, F.expr(flow.source_key_sql))) if flow.incremental else null,
        reason=F.col(REJECT),
        row=F.make_valid_utf8(F.to_json(F.struct(*shown))),
    )


def marks(session: SparkSession, catalog: Catalog, attempt: Attempt, keys: DataFrame) -> DataFrame | None:
    """Return one mark for each origin of quarantined rows that is processed again now; None where there is none."""
    from pyspark.sql import functions as F

    quarantined = _quarantined_origins(session, catalog, attempt.flow)
    if quarantined is None:
        return None
    again = keys.toDF("key")
    known = quarantined.where("origin IS NOT NULL").distinct()
    known = known.withColumn("key", _source_key(F.col("origin"), again.schema["key"].dataType))
    marked = known.join(again, "key", "left_semi").persist()
    if marked.isEmpty():
        return None
    null = F.lit(None).cast("string")
    return attempt.rows(marked, sample_id=null, origin=F.col("origin"), reason=F.lit(MARK), row=null)


def origins(session: SparkSession, catalog: Catalog, flow: Flow, kind: DataType) -> DataFrame | None:
    """Return the source keys, of a type, of a flow's quarantined rows; None where one of them is not known."""
    from pyspark.sql import functions as F

    quarantined = _quarantined_origins(session, catalog, flow)
    if quarantined is None:
        return None
    keys = quarantined.select(_source_key(F.col("origin"), kind).alias("origin")).distinct()
    return keys if keys.where("origin IS NULL").isEmpty() else None


def _text(rows: DataFrame, key: Column) -> Column:
    """Return source keys as texts, bytes in hexadecimal digits."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import BinaryType

    is_bytes = isinstance(rows.select(key.alias("key")).schema["key"].dataType, BinaryType)
    return F.hex(key) if is_bytes else key.cast("string")


def _source_key(origin: Column, kind: DataType) -> Column:
    """Return origins, which are texts, as source keys of a type; null where one is no text of such a key.

    Each engine writes numbers and times in texts of its own, so that keys are compared, not texts.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import BinaryType

    if isinstance(kind, BinaryType):
        return F.try_to_binary(origin, F.lit("hex"))
    return origin.try_cast(kind)


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
    # What was quarantined before an origin's last mark does not count.
    marked = F.max(F.when(F.isnull("row"), F.col("place"))).over(Window.partitionBy("origin"))
    counts = F.col("row").isNotNull() & (F.col("place") >= F.coalesce(F.col("marked"), F.lit(0)))
    return of_table.withColumn("marked", marked).where(counts).select("origin")
