"""The content digest of a table: its row count and the sum modulo 2^128 of its rows' hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

# Names of the columns with the two halves of each row's hash.
HIGH = "_hash_high"
LOW = "_hash_low"
_MODULUS = 1 << 128


# The sum of a digest with an older row hash: it is neither compared with other sums nor added to them.
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Digest:
    """A row count and a sum of row hashes.

    Written as ``rows:sum``. Tables whose last commit is of an earlier mixlake have ``rows-sum`` in their note, a sum of
    other hashes, of which only the rows are read.
    """

    rows: int = 0
    total: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote, now or before; an empty text is the digest of no rows."""
        if not text:
            return cls()
        if ":" not in text:
            rows = int(text.partition("-")[0])
            return cls(rows, _UNKNOWN if rows else 0)
        count, _, total = text.partition(":")
        return cls(int(count), int(total, 16))

    @classmethod
    def of(cls, rows: int, high: int | None, low: int | None) -> Self:
        """Make a digest of a count and the sums of the two signed halves."""
        return cls(rows, ((int(high or 0) << 64) + int(low or 0)) % _MODULUS)

    @property
    def comparable(self) -> bool:
        """Whether its sum is one of hashes as they are now."""
        return self.total != _UNKNOWN

    def __add__(self, other: Digest) -> Digest:
        """Return the digest of both sets of rows."""
        self._require_comparable(other)
        return Digest(self.rows + other.rows, (self.total + other.total) % _MODULUS)

    def __sub__(self, other: Digest) -> Digest:
        """Return the digest without the other set of rows."""
        self._require_comparable(other)
        return Digest(self.rows - other.rows, (self.total - other.total) % _MODULUS)

    def __str__(self) -> str:
        """Return count and sum, the latter as 32 hex digits."""
        self._require_comparable(self)
        return f"{self.rows}:{self.total:032x}"

    def _require_comparable(self, other: Digest) -> None:
        if not (self.comparable and other.comparable):
            raise ValueError("the sum of a digest of an older form cannot be carried forward")
