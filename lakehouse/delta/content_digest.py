"""The content digest of a table: its row count and the sum modulo 2^128 of its rows' hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

# Names of the columns with the two halves of each row's hash.
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
