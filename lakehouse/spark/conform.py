"""Cast a flow's output to its contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.errors import FlowError
from lakehouse.spark.delta_reader import spark_schema

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def conform(flow: Flow, frame: DataFrame, run_id: str) -> DataFrame:
    """Cast a flow's answer to its contract, stamp the run, and mark the rows that break a check.

    Raises:
        FlowError: If a required column is missing or there is one too many.
    """
    from pyspark.sql import functions as F

    table = flow.writes
    has = set(frame.columns)
    known = {column.name for column in table.columns} | {REJECT}
    extra = sorted(has - known)
    if extra:
        raise FlowError(
            f"{flow.id} returned a column {extra[0]!r} that {table.name} does not have ({flow.place})",
            "leave it out, or add it to the contract",
        )
    types = {field.name: field.dataType for field in spark_schema(table.schema)}
    columns = []
    for column in table.columns:
        if column.name == "run_id":
            columns.append(F.lit(run_id).alias("run_id"))
        elif column.name in has:
            columns.append(F.col(f"`{column.name}`").cast(types[column.name]).alias(column.name))
        elif column.nullable:
            columns.append(F.lit(None).cast(types[column.name]).alias(column.name))
        else:
            raise FlowError(
                f"{flow.id} left out the column {column.name!r} of {table.name} ({flow.place})", "return it"
            )
    reject = F.col(REJECT) if REJECT in has else F.lit(None).cast("string")
    rows = frame.select(*columns, reject.alias(REJECT))
    return rows.withColumn(REJECT, F.coalesce(F.col(REJECT), *_broken(table)))


def _broken(table: Table) -> Iterator[Column]:
    """Yield, for each condition, its name where a row breaks it and null where not."""
    from pyspark.sql import functions as F

    for name in table.required:
        if name != "run_id":
            yield F.when(F.col(f"`{name}`").isNull(), F.lit(f"column {name} is null"))
    for check in table.checks:
        yield F.when(~F.coalesce(F.expr(check.sql), F.lit(False)), F.lit(check.name))
