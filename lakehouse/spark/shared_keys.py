"""Find rows whose key is stored already, or that were made from rows which a function was not given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.engine import CheckedRows
from lakehouse.engine.keys import KeyOrigins
from lakehouse.spark.checked_rows import good
from lakehouse.spark.key_range import key_range, range_aggregates, within

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_ORIGIN = "_origin"
_GIVEN = "_given"


def duplicate_key(flow: Flow, checked: CheckedRows) -> KeyOrigins:
    """Return a key that several good rows share, how many, and the origins of two of them."""
    keys = list(flow.writes.key)
    shared = good(checked).groupBy(*keys).count().where("count > 1").limit(1).collect()[0]
    key = {name: shared[name] for name in keys}
    return KeyOrigins(key, _origins(flow, good(checked), key, 2), int(shared["count"]))


def stored_rows(table: Table, checked: CheckedRows, stored: DataFrame) -> DataFrame:
    """Return the stored rows that have the key of a good row.

    Of the table's files those are read that may hold keys from the least to the greatest new one, and of them the
    columns that the caller uses.
    """
    keys = list(table.key)
    new = good(checked).select(*keys)
    # A scan's condition is only in Spark's own log, but payload values must not be there either.
    ranged = [name for name in keys if not table.column(name).payload]
    found = new.agg(*(one for name in ranged for one in range_aggregates(name))).collect()[0] if ranged else None
    for name in ranged:
        bounds = key_range(name, found.asDict()) if found is not None else None
        if bounds is not None:
            stored = stored.where(within(stored[name], bounds))
    return stored.join(new, keys, "left_semi")


def first_stored(flow: Flow, checked: CheckedRows, stored: DataFrame) -> KeyOrigins | None:
    """Return the key of one of some stored rows, with the origins of the good row and of the stored one."""
    found = stored.select(*flow.writes.key, _origin(flow).alias(_ORIGIN)).limit(1).collect()
    if not found:
        return None
    key = {name: found[0][name] for name in flow.writes.key}
    return KeyOrigins(key, [*_origins(flow, good(checked), key, 1), found[0][_ORIGIN]])


def foreign_row(flow: Flow, checked: CheckedRows, given: DataFrame) -> KeyOrigins | None:
    """Return a row whose origin is not among the source keys that the function was given.

    Args:
        flow: The flow.
        checked: Its rows. Of a rejected row, the origin may be null.
        given: The source keys, in one column.
    """
    from pyspark.sql import functions as F

    origins = checked.rows.select(*flow.writes.key, _origin(flow).alias(_ORIGIN), REJECT)
    asked = origins.where(F.isnotnull(_ORIGIN) | F.isnull(REJECT))
    foreign = asked.join(given.toDF(_GIVEN), F.col(_ORIGIN).eqNullSafe(F.col(_GIVEN)), "left_anti")
    found = foreign.limit(1).collect()
    return KeyOrigins({name: found[0][name] for name in flow.writes.key}, [found[0][_ORIGIN]]) if found else None


def of_affected(flow: Flow, rows: DataFrame, affected: DataFrame) -> DataFrame:
    """Return the rows that a function made of the affected keys; of a rejected row the origin may be null."""
    from pyspark.sql import functions as F

    same = _origin(flow).eqNullSafe(F.col(_GIVEN))
    if REJECT in rows.columns:
        same |= F.isnotnull(REJECT) & F.isnull(_origin(flow))
    return rows.join(affected.toDF(_GIVEN), same, "left_semi")


def _origin(flow: Flow) -> Column:
    from pyspark.sql import functions as F

    return F.expr(flow.source_key_sql)


def _origins(flow: Flow, rows: DataFrame, key: Mapping[str, Any], limit: int) -> list[Any]:
    """Return the origins of some rows of a key, none where the flow has no source key."""
    from pyspark.sql import functions as F

    if not flow.incremental:
        return []
    for name, value in key.items():
        rows = rows.where(F.col(f"`{name}`").eqNullSafe(F.lit(value)))
    return [row[_ORIGIN] for row in rows.select(_origin(flow).alias(_ORIGIN)).limit(limit).collect()]
