"""Releases: a name for a set of table versions, with a digest of what they hold.

A release is a row of ``ledger.releases``, committed through delta-rs, so that naming one starts no JVM. The
last row of a name counts; rows of a name are numbered by a transaction of its own.

Naming versions and deleting files exclude each other: both use up a number of the transaction ``mixlake.pins``
of that table. A release takes the next number after the one seen before its versions were chosen; a vacuum
takes the next one after that seen before it looked at what is needed, and only then deletes. Who finds the
number used looks again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse import ledger
from lakehouse.catalog import open_named
from lakehouse.descent import mixed_ancestors, with_ancestors
from lakehouse.errors import LakeError, MixlakeError, ReleaseError, TableNotFoundError
from lakehouse.footer import seal
from lakehouse.lake import open_table
from lakehouse.release_digest import content_digest, files_digest_of, release_digest

if TYPE_CHECKING:
    from lakehouse.lake import Lake

log = logging.getLogger("mixlake.release")

LIVE = "live"
DROPPED = "dropped"
BROKEN = "broken"
DEFAULT_LAYER = "gold."

_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9._-]{0,99}$")
_PINS = "mixlake.pins"
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Release:
    """A named set of table versions.

    Args:
        name: Its name, unique among live releases and never used again for other content.
        digest: SHA-256 over the tables' names and content digests, 64 hex digits.
        tables: Version of each table.
        digests: Content digest of each table, as its commit note tells it; ``files:...`` where the
            version was not written by a flow.
        files_digest: SHA-256 over the data files' names and sizes, 64 hex digits.
        footers: Digest of each table's Parquet footers and indexes, see `lakehouse.footer`; empty for releases
            that an older mixlake made.
        note: Why it was made.
        created_at: When; of one that was given up, when that was.
        state: live, dropped or broken.
        reason: Why it is broken.
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

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake release show --json`` prints."""
        return {
            "name": self.name,
            "digest": self.digest,
            "tables": dict(sorted(self.tables.items())),
            "digests": dict(sorted(self.digests.items())),
            "files_digest": self.files_digest,
            "footers": dict(sorted(self.footers.items())),
            "note": self.note,
            "created_at": self.created_at.isoformat(),
            "state": self.state,
            "reason": self.reason,
        }


def create_release(lake: Lake, name: str, tables: Iterable[str] | None = None, note: str = "") -> Release:
    """Pin the latest versions of tables, and what these were made from, under a name.

    Args:
        lake: The lake.
        name: Letters, digits, ``.``, ``_`` and ``-``, starting with a letter.
        tables: Tables to pin; by default all of the gold layer. What they descend from is pinned, too, at the
            versions that they were made from.
        note: Why it is made.

    Raises:
        ReleaseError: If the name is taken or not allowed, there is nothing to release, or a table is not whole.
        TableNotFoundError: If a table does not exist.
    """
    if not _NAME.match(name):
        raise ReleaseError(f"release name {name!r} is not allowed", "start with a letter; use letters, digits, . _ -")
    recorded = _recorded(lake.uri, lake.storage_options)
    if name in recorded:
        state = recorded[name].state
        raise ReleaseError(f"the release {name} exists already ({state})", "take another name")
    for _ in range(_ATTEMPTS):
        number = pins(lake)
        try:
            release = _chosen_release(lake, name, tables, note)
        except MixlakeError:
            if pins(lake) == number:
                raise
            continue  # a vacuum took what was chosen
        if _append(lake, release, {_PINS: number + 1}):
            return release
        if name in _recorded(lake.uri, lake.storage_options):
            raise ReleaseError(f"the release {name} was made by someone else just now", "take another name")
        log.info("a vacuum or another release came in between; the versions are chosen again")
    raise ReleaseError(f"the release {name} could not be made: others kept coming first", "try again later")


def pins(lake: Lake) -> int:
    """Return the last number of the transaction that releases and vacuums use up, 0 where there was none."""
    return _number(lake, _PINS)


def fence(lake: Lake, number: int) -> bool:
    """Use up a number of that transaction, before files are deleted.

    Returns:
        Whether it was free: else a release was made, or a vacuum began, since `pins` gave the one before.
    """
    from lakehouse.commit import append_once

    none = ledger.releases.schema.empty_table()
    return append_once(lake.uri, ledger.releases, none, {_PINS: number}, lake.storage_options)


def current_digest(lake: Lake, tables: Iterable[str] | None = None) -> str:
    """Return the digest that a release made now would have; commits that leave all rows do not change it.

    Raises:
        ReleaseError: If there is nothing to release.
        TableNotFoundError: If a table does not exist.
    """
    opened = with_ancestors(lake, _chosen(lake, tables))
    return release_digest({table: content_digest(delta) for table, delta in opened.items()})


def drop_release(lake: Lake, name: str) -> Release:
    """Give a release up: its versions are no longer guarded from vacuum, its row stays for the record.

    Raises:
        ReleaseError: If there is no live release of that name.
    """
    return _give_up(lake, name, DROPPED, "")


def break_release(lake: Lake, name: str, reason: str) -> Release:
    """Record that rows of a release were purged: it can no longer be opened, and guards nothing.

    Args:
        lake: The lake.
        name: The release, live or dropped. One that is broken already gains the reason.
        reason: What was done to it.

    Raises:
        ReleaseError: If there is no release of that name.
    """
    return _give_up(lake, name, BROKEN, reason)


def _give_up(lake: Lake, name: str, state: str, reason: str) -> Release:
    for _ in range(_ATTEMPTS):
        number = _number(lake, _row_of(name))
        found = load_release(lake.uri, name, dropped=state == BROKEN, storage_options=lake.storage_options)
        if found.state == state and reason in found.reason:
            return found
        # Rows are ordered by time: clocks of two machines may differ.
        at = max(datetime.now(UTC), found.created_at + timedelta(microseconds=1))
        told = "; ".join(filter(None, [found.reason, reason]))
        given = replace(found, created_at=at, state=state, reason=told)
        if _append(lake, given, {}, number):
            return given
    raise ReleaseError(f"the release {name} could not be changed: others kept coming first", "try again later")


def list_releases(lake: Lake, *, dropped: bool = False, broken: bool = False) -> list[Release]:
    """Return the live releases, oldest first; with `dropped` and `broken` also those."""
    states = {LIVE, *([DROPPED] if dropped else []), *([BROKEN] if broken else [])}
    found = _recorded(lake.uri, lake.storage_options).values()
    return sorted((r for r in found if r.state in states), key=lambda release: release.created_at)


def load_release(
    lake_uri: str, name: str, *, dropped: bool = False, storage_options: Mapping[str, str] | None = None
) -> Release:
    """Read a release, from the lake's place alone: no declaration is imported.

    Args:
        lake_uri: The lake's place.
        name: The release.
        dropped: Whether one that was dropped or is broken is returned, too.
        storage_options: Options of the object store.

    Raises:
        ReleaseError: If there is no such release, or it was dropped or is broken.
    """
    recorded = _recorded(lake_uri, storage_options)
    found = recorded.get(name)
    if found is None:
        live = sorted(key for key, release in recorded.items() if release.state == LIVE)
        hint = f"there are {', '.join(live[:10])}" if live else f"make it: mixlake release create {name}"
        raise ReleaseError(f"there is no release {name!r} in {lake_uri}", hint)
    if found.state == BROKEN and not dropped:
        raise ReleaseError(f"the release {name} is broken: {found.reason}", "name a new one: mixlake release create")
    if found.state != LIVE and not dropped:
        raise ReleaseError(f"the release {name} was dropped", "mixlake release list --dropped shows what it was")
    return found


def _chosen_release(lake: Lake, name: str, tables: Iterable[str] | None, note: str) -> Release:
    opened = with_ancestors(lake, _chosen(lake, tables))
    for warning in mixed_ancestors(lake, opened):
        log.warning("%s", warning)
    digests = {table: content_digest(delta) for table, delta in opened.items()}
    try:
        footers = {table: seal(table, delta) for table, delta in opened.items()}
    except LakeError as error:
        raise ReleaseError(f"the release {name} would not be whole: {error.message}", error.hint) from None
    return Release(
        name=name,
        digest=release_digest(digests),
        tables={table: int(delta.version()) for table, delta in opened.items()},
        digests=digests,
        files_digest=files_digest_of(opened),
        footers=footers,
        note=note,
        created_at=datetime.now(UTC),
    )


def _chosen(lake: Lake, tables: Iterable[str] | None) -> list[str]:
    if tables:
        named = list(tables)
        for name in named:
            open_named(lake, name)
        return named
    chosen = [table for table in lake.names() if table.startswith(DEFAULT_LAYER)]
    if not chosen:
        raise ReleaseError("there is no gold table to release", "run the flows first: mixlake run")
    return chosen


def _recorded(lake_uri: str, storage_options: Mapping[str, str] | None) -> dict[str, Release]:
    """Return the last row of each name; there are as many rows as releases were made and dropped."""
    try:
        table = open_table(lake_uri, ledger.releases.name, None, storage_options)
    except TableNotFoundError:
        return {}
    from lakehouse.snapshot import scan

    rows = pa.table(scan(table, ledger.releases.name).to_table()).sort_by([("created_at", "ascending")])
    return {
        row["name"]: Release(
            name=row["name"],
            digest=row["digest"],
            tables=row["tables"],
            digests=row["digests"],
            files_digest=row["files_digest"],
            footers=row.get("footers") or {},
            note=row["note"] or "",
            created_at=row["created_at"],
            state=row["state"],
            reason=row.get("reason") or "",
        )
        for row in rows.to_pylist(maps_as_pydicts="strict")
    }


def _row_of(name: str) -> str:
    """Return the transaction that numbers the rows of a release."""
    return f"release:{name}"


def _number(lake: Lake, transaction: str) -> int:
    try:
        table = open_table(lake.uri, ledger.releases.name, None, lake.storage_options)
    except TableNotFoundError:
        return 0
    return int(table.transaction_version(transaction) or 0)


def _append(lake: Lake, release: Release, others: Mapping[str, int], last: int = 0) -> bool:
    """Append a release's next row after its `last` one; False where that number, or another's, was used."""
    from lakehouse.commit import append_once

    row = {
        "name": release.name,
        "digest": release.digest,
        "tables": list(release.tables.items()),
        "digests": list(release.digests.items()),
        "files_digest": release.files_digest,
        "footers": list(release.footers.items()),
        "state": release.state,
        "reason": release.reason,
        "note": release.note,
        "created_at": release.created_at,
    }
    return append_once(
        lake.uri,
        ledger.releases,
        pa.Table.from_pylist([row], schema=ledger.releases.schema),
        {_row_of(release.name): last + 1, **others},
        lake.storage_options,
    )
