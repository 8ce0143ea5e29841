"""Find values inside of nested ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lakehouse.engine.rules import Into

if TYPE_CHECKING:
    from pyspark.sql import Column


def found_at(value: Column, steps: Sequence[Into], test: Callable[[Column], Column]) -> Column:
    """Return whether a test finds a part where some steps lead; nothing is inside of a null.

    Args:
        value: The value.
        steps: The steps, none for the value itself.
        test: Returns whether it finds a part; null counts as not.
    """
    from pyspark.sql import functions as F

    if not steps:
        return F.coalesce(test(value), F.lit(False))
    (part, name), rest = steps[0], steps[1:]
    if part == "field":
        return value.isNotNull() & found_at(value[name], rest, test)
    if part != "element":
        value = F.map_keys(value) if part == "key" else F.map_values(value)
    return F.coalesce(F.exists(value, lambda element: found_at(element, rest, test)), F.lit(False))
