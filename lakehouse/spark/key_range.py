"""Compute the range of the keys that a change affects, so that files without such keys are not read.

A table's log states the minimum and maximum of a column in each file, by which Delta prunes files (and Parquet row
groups). Where rows came in the order of their keys, few changes then cost little; where keys are scattered, as digests
are, nothing is pruned and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.engine import KeyRange

if TYPE_CHECKING:
    from pyspark.sql import Column


def range_aggregates(column: str) -> list[Column]:
    """Return the aggregates from which `key_range` makes a column's range."""
    from pyspark.sql import functions as F

    named = F.col(f"`{column}`")
    return [
        F.min(named).alias(f"_low_{column}"),
        F.max(named).alias(f"_high_{column}"),
        F.max(F.isnull(named)).alias(f"_null_{column}"),
    ]


def key_range(column: str, *groups: Mapping[str, Any]) -> KeyRange | None:
    """Return the range over some groups of rows; None where a value is null, or of a type without a plain order.

    Args:
        column: The column's name.
        groups: The aggregates of each group.
    """
    ends = [group[f"_{end}_{column}"] for group in groups for end in ("low", "high")]
    if not ends or any(group[f"_null_{column}"] for group in groups):
        return None
    if not all(isinstance(end, str) for end in ends) and not all(type(end) is int for end in ends):
        return None
    return KeyRange(min(ends, key=_order), max(ends, key=_order))


def _order(value: str | int) -> bytes | int:
    """Order texts as Spark does: by their UTF-8 bytes, which is not Python's order of surrogates."""
    return value.encode() if isinstance(value, str) else value


def within(column: Column, bounds: KeyRange) -> Column:
    """Return the condition that a column's value is in a range."""
    return (column >= bounds.low) & (column <= bounds.high)
