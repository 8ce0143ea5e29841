"""Orders to retract rows, and their states, in ``ledger.retractions``; see `lakehouse.retraction.retract`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.delta.append import append_once
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.retry import retry
from lakehouse.delta.scan import scan
from lakehouse.errors import CollisionError, TableNotFoundError, UsageError
from lakehouse.ledger import tables

Kind = Literal["source", "license", "uri", "id"]
Scope = Literal["origin", "content"]
ORDERED, APPLIED, PURGED = "ordered", "applied", "purged"
SAMPLE, CONTENT, DERIVED = "sample", "content", "derived"

APP = "mixlake.retractions"
_MAPS = ("searched_versions", "matched", "derived")


@dataclass(frozen=True, slots=True)
class Retraction:
    """One order.

    Args:
        ordinal: Its number, from 1.
        retraction_id: Names its ids in ``ledger.retracted``.
        kind: What is matched.
        value: The source, the SPDX licence, the glob pattern, or the id (or how many).
        scope: origin, or content.
        reason: Why.
        purge: Whether rows are deleted from older versions, too.
        searched_versions: Version at which each table was searched.
        matched: Rows of each table that matched by themselves.
        releases: Releases with matching rows, or rows made from them.
        state: ordered; applied, once no table has the rows; or purged, once no older version of one has them either.
        at: When it reached this state.
        tables: Tables whose older files a purge deletes, known once it has begun.
        derived: Rows of each table that were made from those that matched.
        run_id: The run that brought it to this state, empty where none did.
        files: Data and change files that the purge deleted in the run that ended it.
    """

    ordinal: int
    retraction_id: str
    kind: str
    value: str
    scope: str
    reason: str
    purge: bool
    searched_versions: Mapping[str, int]
    matched: Mapping[str, int]
    releases: tuple[str, ...]
    state: str
    at: datetime
    tables: tuple[str, ...] = ()
    derived: Mapping[str, int] = field(default_factory=dict)
    run_id: str = ""
    files: int = 0

    @property
    def to_purge(self) -> bool:
        """Whether a purge is ordered and not done."""
        return self.purge and self.state != PURGED

    def __str__(self) -> str:
        """Return the order in one line."""
        return f"{self.ordinal}: {self.kind} {self.value} ({self.reason})"

    def as_dict(self) -> dict[str, Any]:
        """Return the order as plain values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        lists = {"releases": list(self.releases), "tables": list(self.tables)}
        maps = {name: dict(getattr(self, name)) for name in _MAPS}
        return {**values, **lists, **maps}


@dataclass(frozen=True, slots=True)
class Retractions:
    """All orders, and the version of the table of their ids.

    Args:
        orders: By ordinal.
        ids_version: Version of ``ledger.retracted``, -1 where there is none.
    """

    orders: tuple[Retraction, ...] = ()
    ids_version: int = -1

    @property
    def ordinal(self) -> int:
        """Number of the newest order, 0 where there is none."""
        return self.orders[-1].ordinal if self.orders else 0

    def pending(self, table: Table, version: int, note: CommitNote) -> list[Retraction]:
        """Return the orders with which the rows of a table's version may not comply."""
        if SAMPLE_ID not in table.lineage:
            return []
        return [
            order
            for order in self.orders
            if order.ordinal > note.retraction
            # Rows that were committed after the search by a run that did not see the order.
            and (order.matched.get(table.name, 0) > 0 or version > order.searched_versions.get(table.name, -1))
        ]

    def values(self, kind: Kind) -> list[str]:
        """Return what is matched of a kind, sorted."""
        return sorted({order.value for order in self.orders if order.kind == kind})


def load_retractions(catalog: Catalog) -> Retractions:
    """Read the orders of a lake."""
    try:
        table = catalog.open(tables.retractions.name)
    except TableNotFoundError:
        return Retractions()
    rows = pa.table(scan(table, tables.retractions.name).to_table()).sort_by(
        [("ordinal", "ascending"), ("at", "ascending")]
    )
    orders: dict[int, Retraction] = {}
    for row in rows.to_pylist(maps_as_pydicts="strict"):
        # An older ledger has this column under its former name, null in the rows that were added since.
        former = row.pop("looked", None)
        row["searched_versions"] = row.get("searched_versions") or former or {}
        # What an older ledger lacks is null, or not there.
        since = {"derived": row.get("derived") or {}, "run_id": row.get("run_id") or "", "files": row.get("files") or 0}
        lists = {name: tuple(row[name]) for name in ("releases", "tables")}
        orders[row["ordinal"]] = Retraction(**{**row, **since, **lists})
    try:
        ids = int(catalog.open(tables.retracted.name).version())
    except TableNotFoundError:
        ids = -1
    return Retractions(tuple(orders[ordinal] for ordinal in sorted(orders)), ids)


def pattern(glob: str) -> str:
    """Return the regular expression of a glob pattern: ``*`` any text, ``?`` any one character."""
    # Not $, which in Spark also stands before a line break at the end.
    return "(?s)^" + "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in glob) + r"\z"


def append_order(catalog: Catalog, order: Retraction) -> Retraction:
    """Append an order, with the next number.

    Raises:
        UsageError: If other writers took the number each time.
    """

    def append() -> Retraction | None:
        numbered = replace(order, ordinal=load_retractions(catalog).ordinal + 1)
        # Of two that took one number, the first counts; the other takes the next.
        return numbered if _append(catalog, numbered, {f"{APP}:{numbered.ordinal}:{numbered.state}": 1}) else None

    return retry(append, UsageError("other retractions were recorded first each time", "try again"))


def revision(catalog: Catalog, order: Retraction) -> int:
    """Return the number of changes to an order."""
    table = catalog.open(tables.retractions.name)
    return int(table.transaction_version(_revisions(order)) or 0)


def update_order(catalog: Catalog, order: Retraction, number: int, **changes: Any) -> bool:
    """Append an order's new state.

    Args:
        catalog: The lake's catalog.
        order: The order.
        number: Its `revision` when the reasons for this change were determined.
        changes: The new values of `Retraction`; what is not given stays as it was recorded last.

    Returns:
        Whether it was appended; not if the order was changed since.
    """
    last = current(catalog, order)
    # Rows are ordered by time: clocks of two machines may differ.
    at = max(datetime.now(UTC), last.at + timedelta(microseconds=1))
    made = replace(last, **changes, at=at)
    return _append(catalog, made, {_revisions(order): number + 1})


def current(catalog: Catalog, order: Retraction) -> Retraction:
    """Return the current record of an order."""
    return next(found for found in load_retractions(catalog).orders if found.ordinal == order.ordinal)


def reopen_orders(catalog: Catalog, table: Table, version: int, note: CommitNote, orders: Retractions) -> None:
    """Reopen applied and purged orders where a run that did not see them has added rows again.

    A purge in progress finds that its order was changed, and is not recorded as done.

    Args:
        catalog: The lake's catalog.
        table: A table from which rows are about to be deleted.
        version: The version that its flow committed last.
        note: The note of it.
        orders: The orders as they were when the flow was planned.

    Raises:
        CollisionError: If other writers changed an order first each time.
    """
    for order in orders.pending(table, version, note):
        open_already = order.state == ORDERED and not order.purge
        if not open_already and version > order.searched_versions.get(table.name, -1):
            _reopen(catalog, order)


def _reopen(catalog: Catalog, order: Retraction) -> None:
    conflict = f"retraction {order.ordinal} could not be reopened: other writers committed first each time"
    retry(
        lambda: update_order(catalog, order, revision(catalog, order), state=ORDERED, run_id="", files=0) or None,
        CollisionError(conflict, "run again"),
    )


def _revisions(order: Retraction) -> str:
    return f"{APP}:{order.ordinal}:changes"


def _append(catalog: Catalog, order: Retraction, transactions: Mapping[str, int]) -> bool:
    maps = {name: list(getattr(order, name).items()) for name in _MAPS}
    row = {**order.as_dict(), **maps, "run_id": order.run_id or None}
    rows = pa.Table.from_pylist([row], schema=tables.retractions.schema)
    return append_once(catalog, tables.retractions, rows, transactions)
