"""Find rows with values that Delta does not return as they were written; see `lakehouse.engine.rules`."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.column_types import holds_times
from lakehouse.declare.contract import Table
from lakehouse.engine import rules

if TYPE_CHECKING:
    from pyspark.sql import Column


def unstorable(table: Table) -> list[Column]:
    """Return for each of the contract's rules of values the condition under which a row breaks it; never null."""
    from pyspark.sql import functions as F

    conditions = [
        *(_outside_of_years(F.col(f"`{name}`"), table.column(name).type) for name in rules.with_times(table)),
        *(_unlike_partition(name) for name in rules.text_partitions(table)),
    ]
    return [F.coalesce(condition, F.lit(False)) for condition in conditions]


def _unlike_partition(name: str) -> Column:
    from pyspark.sql import functions as F

    text = F.col(f"`{name}`")
    written = F.octet_length(text) * 3 - F.regexp_count(text, F.lit(rules.PLAIN_BYTES)) * 2
    return text.isin(*rules.NULL_PARTITIONS) | text.contains(rules.NUL) | (written > rules.most_bytes(name))


def _outside_of_years(column: Column, kind: pa.DataType) -> Column:
    """Return whether a value is, or holds at any depth, a date or a time that some reader does not support."""
    from pyspark.sql import functions as F

    if pa.types.is_date32(kind):
        days = F.unix_date(column)
        return (days < rules.FIRST_DAY) | (days > rules.LAST_DAY)
    if pa.types.is_timestamp(kind):
        # A time without a zone is taken as of the session's, UTC.
        micros = F.unix_micros(column if kind.tz else column.cast("timestamp"))
        return (micros < rules.FIRST_MICROSECOND) | (micros > rules.LAST_MICROSECOND)
    if pa.types.is_struct(kind):
        fields = [field for field in kind if holds_times(field.type)]
        parts = [F.coalesce(_outside_of_years(column[f.name], f.type), F.lit(False)) for f in fields]
        return functools.reduce(operator.or_, parts)
    if pa.types.is_map(kind):
        parts = []
        for values, inner in ((F.map_keys(column), kind.key_type), (F.map_values(column), kind.item_type)):
            parts += [_some_outside(values, inner)] if holds_times(inner) else []
        return functools.reduce(operator.or_, parts)
    return _some_outside(column, kind.value_type)


def _some_outside(values: Column, kind: pa.DataType) -> Column:
    from pyspark.sql import functions as F

    return F.exists(values, lambda value: F.coalesce(_outside_of_years(value, kind), F.lit(False)))
