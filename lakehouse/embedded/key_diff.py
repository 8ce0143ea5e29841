"""Find the rows that a commit must change: the difference between new and stored rows, by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT
from lakehouse.delta.content_digest import HIGH, LOW
from lakehouse.embedded.checked_rows import keys_of
from lakehouse.embedded.row_hash import digest_of
from lakehouse.engine import CheckedRows, Difference

if TYPE_CHECKING:
    import polars as pl

_ACTION = "_action"
_POSITION = "_position"


@dataclass(frozen=True)
class ChangedRows:
    """Which rows a commit changes.

    Args:
        actions: Key and ``_action`` of each changed row: I, U or D.
        positions: Positions of the inserted and updated rows among all computed ones, ascending.
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
    changed = joined.with_columns(action.alias(_ACTION)).filter(pl.col(_ACTION).is_not_null())
    comes, goes = pl.col(_ACTION).is_in(["I", "U"]), pl.col(_ACTION).is_in(["U", "D"])
    counts = {name: changed.filter(pl.col(_ACTION) == name).height for name in "IUD"}
    gained, lost = changed.filter(comes), changed.filter(goes)
    positions = gained[_POSITION].sort().to_arrow()
    return Difference(
        ChangedRows(changed.select(*keys, _ACTION), positions),
        counts["I"],
        counts["U"],
        counts["D"],
        digest_of(gained[HIGH].to_arrow(), gained[LOW].to_arrow()),
        digest_of(lost["_old_high"].to_arrow(), lost["_old_low"].to_arrow()),
    )
