"""Find what a commit has to change: the difference between new and stored rows, by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT
from lakehouse.delta.content_digest import HIGH, LOW
from lakehouse.embedded.checked_rows import keys_of
from lakehouse.embedded.row_hash import digest_of
from lakehouse.engine import CheckedRows, Difference, KeyRange

if TYPE_CHECKING:
    import polars as pl

ACTION = "_action"
_POSITION = "_position"


@dataclass(frozen=True)
class ChangedRows:
    """Which rows a commit changes.

    Args:
        actions: Key and ``_action`` of each changed row: I, U or D.
        positions: Places of the rows that come in, among all computed ones, ascending.
    """

    actions: pl.DataFrame
    positions: pa.Array


def difference(table: Table, checked: CheckedRows, stored: pl.DataFrame) -> Difference:
    """Compare the good rows with stored ones, by key.

    Args:
        table: The contract; it has a key.
        checked: The wanted rows.
        stored: Key and hashes of rows of the table, of which those not wanted are deleted.
    """
    import polars as pl

    keys = list(table.key)
    rows = keys_of(checked.rows, [*keys, HIGH, LOW, REJECT]).with_row_index(_POSITION)
    new = rows.filter(pl.col(REJECT).is_null()).drop(REJECT)
    old = stored.rename({HIGH: "_old_high", LOW: "_old_low"})
    joined = new.join(old, on=keys, how="full", coalesce=True, nulls_equal=True)
    action = (
        pl.when(pl.col("_old_high").is_null())
        .then(pl.lit("I"))
        .when(pl.col(HIGH).is_null())
        .then(pl.lit("D"))
        .when((pl.col(HIGH) != pl.col("_old_high")) | (pl.col(LOW) != pl.col("_old_low")))
        .then(pl.lit("U"))
    )
    changed = joined.with_columns(action.alias(ACTION)).filter(pl.col(ACTION).is_not_null())
    comes, goes = pl.col(ACTION).is_in(["I", "U"]), pl.col(ACTION).is_in(["U", "D"])
    counts = {name: changed.filter(pl.col(ACTION) == name).height for name in "IUD"}
    gained, lost = changed.filter(comes), changed.filter(goes)
    positions = gained[_POSITION].sort().to_arrow()
    return Difference(
        ChangedRows(changed.select(*keys, ACTION), positions),
        counts["I"],
        counts["U"],
        counts["D"],
        digest_of(gained[HIGH].to_arrow(), gained[LOW].to_arrow()),
        digest_of(lost["_old_high"].to_arrow(), lost["_old_low"].to_arrow()),
        {key: bounds for key in keys if (bounds := _range(changed[key])) is not None},
    )


def _range(values: pl.Series) -> KeyRange | None:
    """Return the range of some keys; None where there is none, one is null, or their type has no plain order."""
    import polars as pl

    if not len(values) or values.null_count() or not (values.dtype == pl.String or values.dtype.is_integer()):
        return None
    low, high = values.min(), values.max()
    return KeyRange(low, high) if isinstance(low, str | int) and isinstance(high, str | int) else None
