"""Cast a flow's output to its contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.declare.lineage_columns import RUN_ID
from lakehouse.engine.conform_types import MisfitError, repeated, step_of
from lakehouse.engine.rules import (
    BEFORE_DETAILS,
    BROKEN,
    JOINED_BY,
    NO_REASON,
    REASON,
    WITHOUT_REASON,
    Into,
    first_check,
    first_unreadable,
    never_null,
    rule_names,
)
from lakehouse.errors import FlowError
from lakehouse.spark.conform_columns import Conformer, arrow_type
from lakehouse.spark.delta_reader import spark_schema
from lakehouse.spark.nested_values import found_at
from lakehouse.spark.unreadable import unreadable
from lakehouse.spark.unstorable import unstorable

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def conform(flow: Flow, frame: DataFrame, run_id: str) -> DataFrame:
    """Cast a flow's answer to its contract, stamp the run, and mark the rows that break rules.

    Raises:
        FlowError: If a required column is missing, there is one too many, or one has another type. A value that does
            not fit fails the job.
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
    if twice := repeated(frame.columns):
        raise FlowError(f"{flow.id} returned the column {twice!r} twice ({flow.place})", "return it once")
    types = {field.name: field.dataType for field in spark_schema(table.schema)}
    columns = []
    for column in table.columns:
        if column.name == RUN_ID and column.lineage:
            columns.append(F.lit(run_id).alias(RUN_ID))
        elif column.name in has:
            columns.append(_conformed_column(flow, frame, column.name, column.type))
        elif column.nullable:
            columns.append(F.lit(None).cast(types[column.name]).alias(column.name))
        else:
            raise FlowError(
                f"{flow.id} left out the column {column.name!r} of {table.name} ({flow.place})", "return it"
            )
    rejected = _conformed_column(flow, frame, REJECT, pa.string()) if REJECT in has else F.lit(None).cast("string")
    rejected = F.make_valid_utf8(rejected)
    # A reason is never empty.
    stated = F.regexp_replace(rejected, BEFORE_DETAILS, NO_REASON)
    rejected = F.when(rejected.rlike(WITHOUT_REASON), stated).otherwise(rejected)
    rows = frame.select(*columns, rejected.alias(REJECT))
    # A row that the function rejected is checked for nothing else.
    none = F.array().cast("array<int>")
    rows = rows.withColumn(BROKEN, F.when(F.isnull(REJECT), _broken_values(table)).otherwise(none))
    if table.checks:
        checks = F.when(F.isnull(REJECT), _broken_checks(table)).otherwise(none)
        rows = rows.withColumn(BROKEN, F.concat(BROKEN, checks))
    names = F.array(*map(F.lit, rule_names(table))).cast("array<string>")
    named = F.transform(F.col(BROKEN), lambda place: names[place])
    reason = F.coalesce(F.substring_index(F.col(REJECT), ":", 1), F.get(named, F.lit(0)))
    whole = F.coalesce(F.col(REJECT), F.when(F.size(BROKEN) > 0, F.array_join(named, JOINED_BY)))
    return rows.withColumn(REASON, reason).withColumn(REJECT, whole)


def _conformed_column(flow: Flow, frame: DataFrame, name: str, declared: pa.DataType) -> Column:
    from pyspark.sql import functions as F

    try:
        step = step_of(name, arrow_type(frame.schema[name].dataType), declared)
    except MisfitError as misfit:
        raise FlowError(f"{flow.id} {misfit} ({flow.place})", "return the types of the contract") from None
    return Conformer(flow.id, flow.place).column(F.col(f"`{name}`"), step).alias(name)


def null_at(value: Column, steps: Sequence[Into]) -> Column:
    """Return whether there is a null where some steps lead; what is inside a null is ignored."""
    return found_at(value, steps, lambda part: part.isNull())


def _broken_values(table: Table) -> Column:
    """Return the places of the rules but the checks that a row breaks."""
    from pyspark.sql import functions as F

    nulls = [null_at(F.col(f"`{field.column}`"), field.steps) for field in never_null(table)]
    return _places([*nulls, *unstorable(table), *unreadable(table)], 0)


def _broken_checks(table: Table) -> Column:
    """Return the places of the checks that a row breaks; of one that cannot be read, none is asked."""
    from pyspark.sql import functions as F

    checks = _places([~F.coalesce(F.expr(check.sql), F.lit(False)) for check in table.checks], first_check(table))
    unread = F.exists(BROKEN, lambda place: place >= first_unreadable(table))
    return F.when(~unread, checks).otherwise(F.array().cast("array<int>"))


def _places(rules: Sequence[Column], first: int) -> Column:
    from pyspark.sql import functions as F

    places = [F.when(rule, F.lit(place)) for place, rule in enumerate(rules, first)]
    return F.array_compact(F.array(*places).cast("array<int>"))
