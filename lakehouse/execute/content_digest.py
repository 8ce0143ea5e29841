"""The content digest: row count and the sum modulo 2^128 of row hashes.

A row's hash is two xxHash64 values of its stable columns under two seeds. Sums make it independent of the
order and place of rows, and let a commit carry it forward: old digest, plus rows in, minus rows out.
Nested columns are hashed as JSON, maps sorted by key; a null is told apart from an absent value by a flag.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from lakehouse.declare.contract import Table

if TYPE_CHECKING:
    from pyspark.sql import Column

HIGH = "_hash_high"
LOW = "_hash_low"
_MODULUS = 1 << 128
_TIMES = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}


@dataclass(frozen=True, slots=True)
class Digest:
    """A row count and a sum of row hashes."""

    rows: int = 0
    total: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote; an empty text is the digest of no rows."""
        if not text:
            return cls()
        rows, _, total = text.partition("-")
        return cls(int(rows), int(total, 16))

    @classmethod
    def of(cls, rows: int, high: int | None, low: int | None) -> Self:
        """Make a digest of a count and the sums of the two signed halves."""
        return cls(rows, ((int(high or 0) << 64) + int(low or 0)) % _MODULUS)

    def __add__(self, other: Digest) -> Digest:
        """Return the digest of both sets of rows."""
        return Digest(self.rows + other.rows, (self.total + other.total) % _MODULUS)

    def __sub__(self, other: Digest) -> Digest:
        """Return the digest without the other set of rows."""
        return Digest(self.rows - other.rows, (self.total - other.total) % _MODULUS)

    def __str__(self) -> str:
        """Return count and sum, the latter as 32 hex digits."""
        return f"{self.rows}-{self.total:032x}"


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
