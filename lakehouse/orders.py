"""Writing orders to ``ledger.retractions``: a new one, and what becomes of it. See `lakehouse.retraction`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse import ledger
from lakehouse.commit import append_once
from lakehouse.errors import UsageError
from lakehouse.lake import open_table
from lakehouse.retraction import ORDERED, Retraction, Retractions, load_retractions

if TYPE_CHECKING:
    from lakehouse.contract import Table
    from lakehouse.lake import Lake
    from lakehouse.note import Note

APP = "mixlake.retractions"

_ATTEMPTS = 20


def record(lake: Lake, order: Retraction) -> Retraction:
    """Append an order, with the next number.

    Raises:
        UsageError: If others kept taking the number.
    """
    for _ in range(_ATTEMPTS):
        made = replace(order, ordinal=load_retractions(lake).ordinal + 1)
        # Of two that took one number, the first counts; the other takes the next.
        if _append(lake, made, {f"{APP}:{made.ordinal}:{made.state}": 1}):
            return made
    raise UsageError("others kept giving retractions", "try again")


def changes(lake: Lake, order: Retraction) -> int:
    """Return how often an order was changed."""
    table = open_table(lake.uri, ledger.retractions.name, None, lake.storage_options)
    return int(table.transaction_version(_changes_of(order)) or 0)


def change(
    lake: Lake, order: Retraction, number: int, *, state: str = ORDERED, tables: Sequence[str] | None = None
) -> bool:
    """Append an order's new state.

    Args:
        lake: The lake.
        order: The order.
        number: How often it was changed when the reasons for this change were looked at; see `changes`.
        state: ordered, or purged.
        tables: Tables whose older files a purge deletes; by default those that were recorded.

    Returns:
        Whether it was appended: not if it was changed since.
    """
    last = now(lake, order)
    # Rows are ordered by time: clocks of two machines may differ.
    at = max(datetime.now(UTC), last.at + timedelta(microseconds=1))
    made = replace(last, state=state, tables=last.tables if tables is None else tuple(tables), at=at)
    return _append(lake, made, {_changes_of(order): number + 1})


def now(lake: Lake, order: Retraction) -> Retraction:
    """Return an order as it is recorded now."""
    return next(held for held in load_retractions(lake).orders if held.ordinal == order.ordinal)


def reopen(lake: Lake, table: Table, version: int, note: Note, orders: Retractions) -> None:
    """Order purges again, if need be: a run that did not know of them has brought rows back.

    A purge that is under way finds that its order was changed, and is not recorded as done.

    Args:
        lake: The lake.
        table: A table from which rows are about to be taken out.
        version: The version that its flow committed last.
        note: The note of it.
        orders: The orders as they were when the flow was planned.
    """
    for order in orders.pending(table, version, note):
        if order.purge and version > order.looked.get(table.name, -1):
            while not change(lake, order, changes(lake, order)):
                continue


def _changes_of(order: Retraction) -> str:
    return f"{APP}:{order.ordinal}:changes"


def _append(lake: Lake, order: Retraction, transactions: Mapping[str, int]) -> bool:
    row = {**order.as_dict(), "looked": list(order.looked.items()), "matched": list(order.matched.items())}
    rows = pa.Table.from_pylist([row], schema=ledger.retractions.schema)
    return append_once(lake.uri, ledger.retractions, rows, transactions, lake.storage_options)
