"""Rows in the form in which they are committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakehouse.engine import KeyRange, WriteMode

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ACTION = "_action"


@dataclass(frozen=True)
class RowsToWrite:
    """Rows and how they are written.

    Args:
        mode: append, overwrite or merge.
        rows: For append and overwrite the rows; for merge the changed rows with a column ``_action``: I, U or D,
            where of a D only the key counts.
        key_ranges: For merge the range of the rows' keys by column: a MERGE reads no file outside.
    """

    mode: WriteMode
    rows: DataFrame
    key_ranges: Mapping[str, KeyRange] = field(default_factory=dict)
