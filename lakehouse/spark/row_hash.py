"""The content digest: row count and the sum modulo 2^128 of row hashes.

A row's hash is two xxHash64 values of its stable columns under two seeds. Sums make it independent of the
order and place of rows, and let a commit carry it forward: old digest, plus rows in, minus rows out.
Nested columns are hashed as JSON, maps sorted by key; a flag distinguishes a null from an absent value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.contract import Table

if TYPE_CHECKING:
    from pyspark.sql import Column

HIGH = "_hash_high"
LOW = "_hash_low"
_TIMES = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}


def hash_columns(table: Table) -> tuple[Column, Column]:
    """Return the two halves of a row's hash as Spark columns named ``_hash_high`` and ``_hash_low``."""
    from pyspark.sql import functions as F

    parts = list(_parts(table))
    return (
        F.xxhash64(F.lit("high"), *parts).alias(HIGH),
        F.xxhash64(F.lit("low"), *parts).alias(LOW),
    )


def _parts(table: Table) -> Iterable[Column]:
    from pyspark.sql import functions as F

    for name in table.stable_columns:
        column = F.col(f"`{name}`")
        kind = table.column(name).type
        yield F.isnull(column)
        # By default JSON has milliseconds.
        yield F.to_json(_sorted(column, kind), _TIMES) if pa.types.is_nested(kind) else column


def _sorted(column: Column, kind: pa.DataType) -> Column:
    """Return a value with the entries of all maps in it as lists, sorted by key."""
    from pyspark.sql import functions as F

    if pa.types.is_map(kind):
        entries = F.map_entries(column)
        if _has_map(kind.item_type):
            entries = F.transform(
                entries, lambda entry: F.struct(entry["key"], _sorted(entry["value"], kind.item_type).alias("value"))
            )
        return F.array_sort(entries)
    if not _has_map(kind):
        return column
    if pa.types.is_struct(kind):
        inner = [_sorted(column[field.name], field.type).alias(field.name) for field in kind]
        return F.when(column.isNotNull(), F.struct(*inner))
    return F.transform(column, lambda item: _sorted(item, kind.value_type))


def _has_map(kind: pa.DataType) -> bool:
    if pa.types.is_map(kind):
        return True
    return pa.types.is_nested(kind) and any(_has_map(kind.field(n).type) for n in range(kind.num_fields))
