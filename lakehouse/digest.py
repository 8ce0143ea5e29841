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

from lakehouse.contract import Table

if TYPE_CHECKING:
    from pyspark.sql import Column

HIGH = "_hash_high"
LOW = "_hash_low"
_MODULUS = 1 << 128


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
        if pa.types.is_map(kind):
            yield F.to_json(F.array_sort(F.map_entries(column)))
        elif pa.types.is_nested(kind):
            yield F.to_json(column)
        else:
            yield column
