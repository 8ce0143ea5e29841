"""Cast a flow's output to its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.declare.lineage_columns import RUN_ID
from lakehouse.engine.rules import BROKEN, JOINED_BY, REASON, never_null, rule_names
from lakehouse.errors import FlowError
from lakehouse.spark.delta_reader import spark_schema
from lakehouse.spark.unstorable import unstorable

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def conform(flow: Flow, frame: DataFrame, run_id: str) -> DataFrame:
    """Cast a flow's answer to its contract, stamp the run, and mark the rows that break rules.

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
        if column.name == RUN_ID and column.lineage:
            columns.append(F.lit(run_id).alias(RUN_ID))
        elif column.name in has:
            columns.append(F.col(f"`{column.name}`").cast(types[column.name]).alias(column.name))
        elif column.nullable:
            columns.append(F.lit(None).cast(types[column.name]).alias(column.name))
        else:
            raise FlowError(
                f"{flow.id} left out the column {column.name!r} of {table.name} ({flow.place})", "return it"
            )
    rejected = F.col(REJECT) if REJECT in has else F.lit(None).cast("string")
    rows = frame.select(*columns, rejected.alias(REJECT))
    # Of a row that the function rejected nothing else can be asked.
    broken = F.when(F.isnull(REJECT), _broken(table)).otherwise(F.array().cast("array<int>"))
    rows = rows.withColumn(BROKEN, broken)
    names = F.array(*map(F.lit, rule_names(table))).cast("array<string>")
    named = F.transform(F.col(BROKEN), lambda place: names[place])
    reason = F.coalesce(F.substring_index(F.col(REJECT), ":", 1), F.get(named, F.lit(0)))
    whole = F.coalesce(F.col(REJECT), F.when(F.size(BROKEN) > 0, F.array_join(named, JOINED_BY)))
    return rows.withColumn(REASON, reason).withColumn(REJECT, whole)


def _broken(table: Table) -> Column:
    """Return the places of the rules that a row breaks."""
    from pyspark.sql import functions as F

    rules = [F.col(f"`{name}`").isNull() for name in never_null(table)]
    rules += unstorable(table)
    rules += [~F.coalesce(F.expr(check.sql), F.lit(False)) for check in table.checks]
    places = [F.when(rule, F.lit(place)) for place, rule in enumerate(rules)]
    return F.array_compact(F.array(*places).cast("array<int>"))
