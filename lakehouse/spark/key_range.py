"""The span of the keys that a change touches: files all of whose rows lie outside of it need not be read.

A table's log states the least and the greatest value of a column in each file, by which Delta leaves files out (and
Parquet row groups). Where rows came in the order of their keys, few changes then cost little; where keys are
scattered, as digests are, nothing is left out and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import Column


@dataclass(frozen=True, slots=True)
class Span:
    """Values from a least to a greatest, both included.

    Args:
        low: The least.
        high: The greatest.
    """

    low: str | int
    high: str | int

    def holds(self, column: Column) -> Column:
        """Return the condition that a column's value lies in it."""
        return (column >= self.low) & (column <= self.high)


def measures(column: str) -> list[Column]:
    """Return the aggregates from which `span_of` makes a column's span."""
    from pyspark.sql import functions as F

    named = F.col(f"`{column}`")
    return [
        F.min(named).alias(f"_low_{column}"),
        F.max(named).alias(f"_high_{column}"),
        F.max(F.isnull(named)).alias(f"_null_{column}"),
    ]


def span_of(column: str, *found: Mapping[str, Any]) -> Span | None:
    """Return the span over some groups of rows; None where a value is null, or of a type without a plain order.

    Args:
        column: The column's name.
        found: The aggregates of each group.
    """
    ends = [found_in[f"_{end}_{column}"] for found_in in found for end in ("low", "high")]
    if not ends or any(found_in[f"_null_{column}"] for found_in in found):
        return None
    if not all(isinstance(end, str) for end in ends) and not all(type(end) is int for end in ends):
        return None
    return Span(min(ends, key=_order), max(ends, key=_order))


def _order(value: str | int) -> bytes | int:
    """Order texts as Spark does: by their UTF-8 bytes, which is not Python's order of surrogates."""
    return value.encode() if isinstance(value, str) else value
