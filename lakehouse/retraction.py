"""Retractions: orders to take rows out of the lake again, by source, licence, address or id.

An order is a row of ``ledger.retractions``, committed through delta-rs. It takes effect in the next run: each
flow refuses rows that match, deletes those that its table holds, and what was made from them follows, since
deletions are changes like any other. A note says with which order its rows comply.

With ``purge`` the rows also leave older versions, see `lakehouse.purge`.

A row matches by itself through its own ``source``, ``license``, ``uri`` or ``sample_id``. With the scope
``content`` rows of equal ``content_id`` and verified duplicates (tables tagged ``duplicates``: pairs of
``sample_id`` and ``keeper_id``) match, too; their ids are kept in ``ledger.retracted`` and refused later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from lakehouse import ledger
from lakehouse.errors import TableNotFoundError, UsageError
from lakehouse.lake import open_table
from lakehouse.note import Note

if TYPE_CHECKING:
    from lakehouse.contract import Table
    from lakehouse.lake import Lake

Kind = Literal["source", "license", "uri", "id"]
Scope = Literal["origin", "content"]

COLUMN: Mapping[str, str] = {"source": "source", "license": "license", "uri": "uri", "id": "sample_id"}
DEFAULT_SCOPE: Mapping[str, Scope] = {"source": "origin", "license": "origin", "uri": "origin", "id": "content"}
ORDERED, PURGED = "ordered", "purged"
SAMPLE, CONTENT, DERIVED = "sample", "content", "derived"


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
        purge: Whether older versions go, too.
        looked: Version at which each table was searched.
        matched: Rows of each table that matched by themselves.
        releases: Releases that hold such rows, or what was made from them.
        state: ordered or purged.
        at: When.
        tables: Tables whose older files a purge deletes, known once it has begun.
    """

    ordinal: int
    retraction_id: str
    kind: str
    value: str
    scope: str
    reason: str
    purge: bool
    looked: Mapping[str, int]
    matched: Mapping[str, int]
    releases: tuple[str, ...]
    state: str
    at: datetime
    tables: tuple[str, ...] = ()

    @property
    def to_purge(self) -> bool:
        """Whether a purge was ordered and is not done."""
        return self.purge and self.state == ORDERED

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.ordinal}: {self.kind} {self.value} ({self.reason})"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        found = {name: getattr(self, name) for name in self.__slots__}
        lists = {"releases": list(self.releases), "tables": list(self.tables)}
        return {**found, **lists, "looked": dict(self.looked), "matched": dict(self.matched)}


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

    def pending(self, table: Table, version: int, note: Note) -> list[Retraction]:
        """Return the orders that the rows of a table's version may not comply with."""
        if "sample_id" not in table:
            return []
        return [
            order
            for order in self.orders
            if order.ordinal > note.retraction
            # Rows that were committed after the search by a run that did not know of the order.
            and (order.matched.get(table.name, 0) > 0 or version > order.looked.get(table.name, -1))
        ]

    def values(self, kind: Kind) -> list[str]:
        """Return what is matched of a kind, sorted."""
        return sorted({order.value for order in self.orders if order.kind == kind})


def load_retractions(lake: Lake) -> Retractions:
    """Read the orders of a lake; there are as many rows as orders were given."""
    from lakehouse.snapshot import scan

    try:
        table = open_table(lake.uri, ledger.retractions.name, None, lake.storage_options)
    except TableNotFoundError:
        return Retractions()
    rows = pa.table(scan(table, ledger.retractions.name).to_table()).sort_by(
        [("ordinal", "ascending"), ("at", "ascending")]
    )
    found: dict[int, Retraction] = {}
    for row in rows.to_pylist(maps_as_pydicts="strict"):
        lists = {name: tuple(row.get(name) or ()) for name in ("releases", "tables")}
        found[row["ordinal"]] = Retraction(**{**row, **lists})
    try:
        ids = int(open_table(lake.uri, ledger.retracted.name, None, lake.storage_options).version())
    except TableNotFoundError:
        ids = -1
    return Retractions(tuple(found[ordinal] for ordinal in sorted(found)), ids)


def pattern(glob: str) -> str:
    """Return the regular expression of a glob pattern: ``*`` any text, ``?`` any one character."""
    return "(?s)^" + "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in glob) + "$"


@dataclass(frozen=True, slots=True)
class Seen:
    """Training steps that saw rows of an order, or what was made from them."""

    training_run: str
    release: str
    steps: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Report:
    """What an order does.

    Args:
        order: The order.
        derived: Rows of each table that were made from rows that match, and follow them.
        seen: Training steps that saw them.
        recorded: Whether the order was recorded (not where it was only asked what it would do).
        untold: Releases and trainings of which it cannot be told, each with why.
        unmatched: The given ids that no row carries now.
        near: Where no row matches, the sources or licences of the lake that are spelt much like the given one.
    """

    order: Retraction
    derived: Mapping[str, int] = field(default_factory=dict)
    seen: Sequence[Seen] = ()
    recorded: bool = True
    untold: Sequence[str] = ()
    unmatched: Sequence[str] = ()
    near: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake retract --json`` prints."""
        seen = [{name: getattr(item, name) for name in Seen.__slots__} for item in self.seen]
        said = {name: list(getattr(self, name)) for name in ("untold", "unmatched", "near")}
        return {
            **self.order.as_dict(),
            "derived": dict(self.derived),
            "seen": seen,
            "recorded": self.recorded,
            **said,
        }


def retract(  # noqa: PLR0913 - what an order is
    lake: Lake,
    kind: Kind,
    values: Sequence[str],
    *,
    reason: str,
    scope: Scope | None = None,
    purge: bool = False,
    dry_run: bool = False,
) -> Report:
    """Order rows to be taken out; the next run does it.

    Args:
        lake: The lake.
        kind: What is matched: a source, an SPDX licence (also where it is one of several joined by AND), a glob
            pattern of addresses, or sample ids.
        values: The value; several only for ids.
        reason: Why.
        scope: origin: copies that came from elsewhere stay or return. content: equal content and verified
            duplicates go, too, and are refused later. By default content for ids, else origin.
        purge: Whether releases that hold such rows are given up and older versions removed, once no table holds them.
        dry_run: Only say what it would do.

    Raises:
        UsageError: If there is no value, no reason or no lake, several values of a kind that takes one, or what is
            no id.
    """
    from lakehouse.reach import Reach

    values = sorted({value.strip() for value in values if value.strip()})
    if not values or not reason.strip():
        raise UsageError("a retraction needs what to take out, and a reason", "see mixlake retract --help")
    if len(values) > 1 and kind != "id":
        raise UsageError(f"a retraction takes one {kind}", "give one order for each")
    if not lake.names():
        raise UsageError(f"there is no lake in {lake.uri}", "correct --lake, or run the flows first: mixlake run")
    chosen = scope or DEFAULT_SCOPE[kind]
    with Reach(lake) as reach:
        reach.search(kind, values, content=chosen == "content")
        unmatched = tuple(reach.unmatched())
        order = Retraction(
            ordinal=0,
            retraction_id=reach.name,
            kind=kind,
            value=values[0] if len(values) == 1 else f"{len(values)} ids",
            scope=chosen,
            reason=reason.strip(),
            purge=purge,
            looked=reach.looked(),
            matched=reach.matched(),
            releases=tuple(reach.releases()),
            state=ORDERED,
            at=datetime.now(UTC),
        )
        derived, seen = reach.derived(), reach.seen()
        near = () if order.matched else tuple(reach.near())
        report = Report(order, derived, seen, not dry_run, tuple(reach.untold), unmatched, near)
        if dry_run:
            return report
        _keep_ids(lake, order, reach.ids())
    from lakehouse.orders import record

    return replace(report, order=record(lake, order))


def _keep_ids(lake: Lake, order: Retraction, ids: pa.RecordBatchReader) -> None:
    """Append what an order names to ``ledger.retracted``, however much it is: it counts once the order is recorded."""
    from lakehouse.commit import append_rows

    for number, batch in enumerate(ids, 1):
        append_rows(
            lake.uri,
            ledger.retracted,
            pa.Table.from_batches([batch]),
            app_id=f"retracted:{order.retraction_id}",
            version=number,
            storage_options=lake.storage_options,
        )
