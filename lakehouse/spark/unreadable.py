"""Which values readers disagree on: texts that are not valid UTF-8, and maps that have a key twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.engine import rules
from lakehouse.spark.nested_values import found_at

if TYPE_CHECKING:
    from pyspark.sql import Column


def unreadable(table: Table) -> list[Column]:
    """Return for each of the contract's rules of such values the condition under which a row breaks it; never null."""
    from pyspark.sql import functions as F

    conditions = [
        found_at(F.col(f"`{part.column}`"), part.steps, lambda text: ~F.is_valid_utf8(text))
        for part in rules.texts(table)
    ]
    return [*conditions, *(_holds_key_twice(part) for part in rules.maps(table))]


def _holds_key_twice(part: rules.Part) -> Column:
    from pyspark.sql import functions as F

    floating = pa.types.is_floating(part.kind.key_type)

    def key_twice(value: Column) -> Column:
        # Of numbers that stand alone, Spark takes -0.0 and 0.0 for two, which adding zero makes one.
        keys = F.transform(F.map_keys(value), lambda key: key + F.lit(0.0)) if floating else F.map_keys(value)
        return F.size(F.array_distinct(keys)) < F.size(keys)

    return found_at(F.col(f"`{part.column}`"), part.steps, key_twice)
