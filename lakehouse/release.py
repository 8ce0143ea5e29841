"""Releases: a name for a set of table versions, with a digest of what they hold.

A release is a row of ``ledger.releases``, committed through delta-rs, so that naming one starts no JVM.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse import ledger
from lakehouse.catalog import files
from lakehouse.errors import MixlakeError, ReleaseError, TableNotFoundError
from lakehouse.history import changed_version, history, is_maintenance, newest_note
from lakehouse.lake import open_table
from lakehouse.note import Note

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakehouse.lake import Lake

log = logging.getLogger("mixlake.release")

LIVE = "live"
DROPPED = "dropped"
DEFAULT_LAYER = "gold."

_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9._-]{0,99}$")


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
        note: Why it was made.
        created_at: When.
        state: live or dropped.
    """

    name: str
    digest: str
    tables: Mapping[str, int]
    digests: Mapping[str, str]
    files_digest: str
    note: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: str = LIVE

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake release show --json`` prints."""
        return {
            "name": self.name,
            "digest": self.digest,
            "tables": dict(sorted(self.tables.items())),
            "digests": dict(sorted(self.digests.items())),
            "files_digest": self.files_digest,
            "note": self.note,
            "created_at": self.created_at.isoformat(),
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
        ReleaseError: If the name is taken or not allowed, or there is nothing to release.
        TableNotFoundError: If a table does not exist.
    """
    if not _NAME.match(name):
        raise ReleaseError(f"release name {name!r} is not allowed", "start with a letter; use letters, digits, . _ -")
    recorded = _recorded(lake.uri, lake.storage_options)
    if name in recorded:
        state = recorded[name].state
        raise ReleaseError(f"the release {name} exists already ({state})", "take another name")
    opened = _with_ancestors(lake, _chosen(lake, tables))
    for warning in mixed_ancestors(lake, opened):
        log.warning("%s", warning)
    digests = {table: content_digest(delta) for table, delta in opened.items()}
    release = Release(
        name=name,
        digest=release_digest(digests),
        tables={table: int(delta.version()) for table, delta in opened.items()},
        digests=digests,
        files_digest=files_digest_of(opened),
        note=note,
        created_at=datetime.now(UTC),
    )
    # The first row of a name is transaction 1 of the name: of two writers at once, one wins.
    _append(lake, release, 1)
    if _recorded(lake.uri, lake.storage_options)[name] != release:
        raise ReleaseError(f"the release {name} was made by someone else just now", "take another name")
    return release


def current_digest(lake: Lake, tables: Iterable[str] | None = None) -> str:
    """Return the digest that a release made now would have; commits that leave all rows do not change it.

    Raises:
        ReleaseError: If there is nothing to release.
        TableNotFoundError: If a table does not exist.
    """
    opened = _with_ancestors(lake, _chosen(lake, tables))
    return release_digest({table: content_digest(delta) for table, delta in opened.items()})


def drop_release(lake: Lake, name: str) -> Release:
    """Give a release up: its versions are no longer guarded from vacuum, its row stays for the record.

    Raises:
        ReleaseError: If there is no live release of that name.
    """
    found = load_release(lake.uri, name, storage_options=lake.storage_options)
    dropped = Release(
        found.name,
        found.digest,
        found.tables,
        found.digests,
        found.files_digest,
        found.note,
        datetime.now(UTC),
        DROPPED,
    )
    _append(lake, dropped, 2)
    return dropped


def list_releases(lake: Lake, *, dropped: bool = False) -> list[Release]:
    """Return the live releases, oldest first; with `dropped` also those given up."""
    found = _recorded(lake.uri, lake.storage_options).values()
    return sorted((r for r in found if dropped or r.state == LIVE), key=lambda release: release.created_at)


def load_release(
    lake_uri: str, name: str, *, dropped: bool = False, storage_options: Mapping[str, str] | None = None
) -> Release:
    """Read a release, from the lake's place alone: no declaration is imported.

    Args:
        lake_uri: The lake's place.
        name: The release.
        dropped: Whether one that was given up is returned, too.
        storage_options: Options of the object store.

    Raises:
        ReleaseError: If there is no such release, or it was dropped.
    """
    recorded = _recorded(lake_uri, storage_options)
    found = recorded.get(name)
    if found is None:
        live = sorted(key for key, release in recorded.items() if release.state == LIVE)
        hint = f"there are {', '.join(live[:10])}" if live else f"make it: mixlake release create {name}"
        raise ReleaseError(f"there is no release {name!r} in {lake_uri}", hint)
    if found.state != LIVE and not dropped:
        raise ReleaseError(f"the release {name} was dropped", "see mixlake release list")
    return found


def release_digest(digests: Mapping[str, str]) -> str:
    """Return the digest of a release: SHA-256 over its tables' names and content digests, sorted."""
    body = "".join(f"{table}\t{digest}\n" for table, digest in sorted(digests.items()))
    return hashlib.sha256(body.encode()).hexdigest()


def content_digest(table: DeltaTable) -> str:
    """Return the content digest of a table at its version, from its commit note.

    A version whose rows were last changed by something that is no flow has no note that speaks for it;
    its digest is one of its files, marked ``files:``.
    """
    for commit in history(table):
        note = Note.from_json(commit.get("userMetadata"))
        if note is not None and note.digest:
            return note.digest
        if note is None and not is_maintenance(commit):
            break
    return f"files:{files_digest_of({'': table})}"


def mixed_ancestors(lake: Lake, opened: Mapping[str, DeltaTable]) -> list[str]:
    """Say where pinned tables were made from different contents of one ancestor.

    Args:
        lake: The lake.
        opened: The tables at their pinned versions.
    """
    read: dict[str, dict[int, set[str]]] = {}
    seen: dict[tuple[str, int], Mapping[str, int]] = {}
    for name, table in opened.items():
        for ancestor, version in _inputs(lake, name, int(table.version()), seen).items():
            read.setdefault(ancestor, {}).setdefault(version, set()).add(name)
        read.setdefault(name, {}).setdefault(changed_version(table), set()).add("the release")
    warnings = []
    for ancestor, versions in sorted(read.items()):
        if len(versions) > 1:
            told = "; ".join(
                f"{', '.join(sorted(names))} from {version}" for version, names in sorted(versions.items())
            )
            warnings.append(f"different versions of {ancestor} are mixed: {told}")
    return warnings


def _inputs(lake: Lake, name: str, version: int, seen: dict[tuple[str, int], Mapping[str, int]]) -> Mapping[str, int]:
    """Return the inputs of a table's version by name, each at the version where its rows last changed."""
    if (name, version) not in seen:
        found = newest_note(lake.open(name, version))
        inputs = {}
        for parent, read in (found[1].inputs if found else {}).items():
            try:
                inputs[parent] = changed_version(lake.open(parent, read))
            except MixlakeError:
                log.debug("%s@%s cannot be looked at", parent, read)
        seen[name, version] = inputs
    return seen[name, version]


def _chosen(lake: Lake, tables: Iterable[str] | None) -> list[str]:
    chosen = list(tables) if tables else [table for table in lake.names() if table.startswith(DEFAULT_LAYER)]
    if not chosen:
        raise ReleaseError("there is no gold table to release", "run the flows first: mixlake run")
    return chosen


def _with_ancestors(lake: Lake, names: Iterable[str]) -> dict[str, DeltaTable]:
    """Open tables at their latest versions, and what they descend from at the versions that were read.

    Where two tables read different versions of an ancestor, it is opened at the newer one.
    """
    opened = {name: lake.open(name) for name in dict.fromkeys(names)}
    asked = set(opened)
    gone: set[tuple[str, int]] = set()
    waiting = list(opened)
    while waiting:
        name = waiting.pop()
        for parent, version in _read_by(opened[name]).items():
            known = parent in opened and int(opened[parent].version()) >= version
            if parent in asked or known or (parent, version) in gone:
                continue
            try:
                opened[parent] = lake.open(parent, version)
            except MixlakeError as error:
                gone.add((parent, version))
                log.warning("%s@%s, from which %s was made, is not pinned: %s", parent, version, name, error.message)
                continue
            waiting.append(parent)
    # What only an older version of an ancestor descends from is not part of it.
    reached, waiting = set(asked), list(asked)
    while waiting:
        found = {parent for parent in _read_by(opened[waiting.pop()]) if parent in opened} - reached
        reached |= found
        waiting.extend(found)
    return {name: opened[name] for name in sorted(reached)}


def _read_by(table: DeltaTable) -> Mapping[str, int]:
    """Return the version of each input that a table was made from at its version."""
    found = newest_note(table)
    return found[1].inputs if found else {}


def files_digest_of(opened: Mapping[str, DeltaTable]) -> str:
    """Return SHA-256 over the names and sizes of the data files of some tables at their versions."""
    digest = hashlib.sha256()
    for name, table in sorted(opened.items()):
        found = files(table)
        paths, sizes = found.column("path"), found.column("size_bytes").cast(pa.string())
        if found.num_rows:
            lines = pc.binary_join_element_wise(name, paths, sizes, "\t")
            digest.update("\n".join(lines.to_pylist()).encode() + b"\n")
    return digest.hexdigest()


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
            note=row["note"] or "",
            created_at=row["created_at"],
            state=row["state"],
        )
        for row in rows.to_pylist(maps_as_pydicts="strict")
    }


def _append(lake: Lake, release: Release, transaction: int) -> None:
    from lakehouse.commit import append_rows

    row = {
        "name": release.name,
        "digest": release.digest,
        "tables": list(release.tables.items()),
        "digests": list(release.digests.items()),
        "files_digest": release.files_digest,
        "state": release.state,
        "note": release.note,
        "created_at": release.created_at,
    }
    append_rows(
        lake.uri,
        ledger.releases,
        pa.Table.from_pylist([row], schema=ledger.releases.schema),
        app_id=f"release:{release.name}",
        version=transaction,
        storage_options=lake.storage_options,
    )
