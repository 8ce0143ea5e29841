"""Releases: names for sets of table versions, with digests of their content.

A release is a row of ``ledger.releases``, committed through delta-rs, so that naming one starts no JVM. The
last row of a name counts; rows of a name are numbered by a transaction of its own.

Naming versions and deleting files exclude each other by a lock: both use up a number of the transaction
``mixlake.pins`` of that table. A release takes the number after the one read before its versions were chosen; a vacuum
takes the number after the one read before it determined the required versions, and only then deletes. On conflict,
re-read and retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from lakehouse.delta.append import append_once
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.retry import retry
from lakehouse.delta.scan import scan
from lakehouse.errors import ReleaseError, TableNotFoundError
from lakehouse.ledger import tables

LIVE = "live"
DROPPED = "dropped"
BROKEN = "broken"

PINS = "mixlake.pins"


@dataclass(frozen=True, slots=True)
class Release:
    """A named set of table versions.

    Args:
        name: Its name, unique among live releases and never used again for other content.
        digest: SHA-256 over the tables' names and content digests, 64 hex digits.
        tables: Version of each table.
        digests: Content digest of each table, from its commit note; ``files:...`` where the
            version was not written by a flow.
        files_digest: SHA-256 over the data files' names and sizes, 64 hex digits.
        footers: Digest of each table's Parquet footers and indexes, see `lakehouse.release.seal`.
        note: Why it was made.
        created_at: When; of one that was dropped or broken, when that was.
        state: live, dropped or broken.
        reason: Why it is broken.
        retractions: Ordinals of the retractions that broke it.
    """

    name: str
    digest: str
    tables: Mapping[str, int]
    digests: Mapping[str, str]
    files_digest: str
    footers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: str = LIVE
    reason: str = ""
    retractions: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake release show --json`` prints."""
        values = {name: getattr(self, name) for name in self.__slots__}
        maps = {name: dict(sorted(value.items())) for name, value in values.items() if isinstance(value, Mapping)}
        return {**values, **maps, "created_at": self.created_at.isoformat()}


def pin_lock_version(catalog: Catalog) -> int:
    """Return the last number of the lock that releases and vacuums take, 0 where there was none."""
    return _number(catalog, PINS)


def acquire_pin_lock(catalog: Catalog, number: int) -> bool:
    """Take a number of the lock, before files are deleted.

    Returns:
        Whether it was free. If not, a release was made, or a vacuum began, since `pin_lock_version` was read.
    """
    none = tables.releases.schema.empty_table()
    return append_once(catalog, tables.releases, none, {PINS: number})


def drop_release(catalog: Catalog, name: str) -> Release:
    """Drop a release: a vacuum may delete its files, its row stays for the record.

    Raises:
        ReleaseError: If there is no live release of that name.
    """
    return _set_state(catalog, name, DROPPED)


def break_release(catalog: Catalog, name: str, retraction: int) -> Release:
    """Record that rows of a release were purged: it can no longer be opened, and pins nothing.

    Args:
        catalog: The lake's catalog.
        name: The release, live or dropped. One that is broken already gains the retraction.
        retraction: Ordinal of the retraction that purged rows of it.

    Raises:
        ReleaseError: If there is no release of that name.
    """
    return _set_state(catalog, name, BROKEN, (retraction,))


def _set_state(catalog: Catalog, name: str, state: str, retractions: tuple[int, ...] = ()) -> Release:
    def change() -> Release | None:
        number = _number(catalog, _row_of(name))
        found = load_release(catalog, name, dropped=state == BROKEN)
        if found.state == state and set(retractions) <= set(found.retractions):
            return found
        # Rows are ordered by time: clocks of two machines may differ.
        at = max(datetime.now(UTC), found.created_at + timedelta(microseconds=1))
        broken_by = (*found.retractions, *retractions)
        reason = "; ".join(f"rows of it were purged (retraction {ordinal})" for ordinal in broken_by) or found.reason
        changed = replace(found, created_at=at, state=state, reason=reason, retractions=broken_by)
        return changed if append_release(catalog, changed, {}, number) else None

    conflict = f"the release {name} could not be changed: other writers committed first each time"
    return retry(change, ReleaseError(conflict, "try again later"))


def list_releases(catalog: Catalog, *, dropped: bool = False, broken: bool = False) -> list[Release]:
    """Return the live releases, oldest first; with `dropped` and `broken` also those."""
    states = {LIVE, *([DROPPED] if dropped else []), *([BROKEN] if broken else [])}
    found = recorded_releases(catalog).values()
    return sorted((r for r in found if r.state in states), key=lambda release: release.created_at)


def load_release(catalog: Catalog, name: str, *, dropped: bool = False) -> Release:
    """Read a release without importing any declaration.

    Args:
        catalog: The lake's catalog.
        name: The release.
        dropped: Whether a dropped or broken release is returned, too.

    Raises:
        ReleaseError: If there is no such release, or it was dropped or is broken.
    """
    recorded = recorded_releases(catalog)
    found = recorded.get(name)
    if found is None:
        live = sorted(key for key, release in recorded.items() if release.state == LIVE)
        hint = f"there are {', '.join(live[:10])}" if live else f"make it: mixlake release create {name}"
        raise ReleaseError(f"there is no release {name!r} in {catalog.uri}", hint)
    if found.state == BROKEN and not dropped:
        raise ReleaseError(f"the release {name} is broken: {found.reason}", "name a new one: mixlake release create")
    if found.state != LIVE and not dropped:
        raise ReleaseError(f"the release {name} was dropped", "mixlake release list --dropped shows what it was")
    return found


def recorded_releases(catalog: Catalog) -> dict[str, Release]:
    """Return the last row of each name."""
    try:
        table = catalog.open(tables.releases.name)
    except TableNotFoundError:
        return {}
    rows = pa.table(scan(table, tables.releases.name).to_table()).sort_by([("created_at", "ascending")])
    records = rows.to_pylist(maps_as_pydicts="strict")
    return {row["name"]: Release(**{**row, "retractions": tuple(row.get("retractions") or ())}) for row in records}


def _row_of(name: str) -> str:
    """Return the transaction that numbers the rows of a release."""
    return f"release:{name}"


def _number(catalog: Catalog, transaction: str) -> int:
    try:
        table = catalog.open(tables.releases.name)
    except TableNotFoundError:
        return 0
    return int(table.transaction_version(transaction) or 0)


def append_release(catalog: Catalog, release: Release, others: Mapping[str, int], last: int = 0) -> bool:
    """Append a release's next row after its `last` one; False where a number was used before."""
    row = {**release.as_dict(), "created_at": release.created_at}
    maps = {name: list(value.items()) for name, value in row.items() if isinstance(value, Mapping)}
    rows = pa.Table.from_pylist([{**row, **maps}], schema=tables.releases.schema)
    return append_once(catalog, tables.releases, rows, {_row_of(release.name): last + 1, **others})
