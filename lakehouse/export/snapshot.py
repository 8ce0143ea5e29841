"""Which versions of which tables an export reads, and whether they can still be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lakehouse.declare.user_files import read_text
from lakehouse.delta.data_files import is_whole
from lakehouse.errors import ExportError, MixlakeError
from lakehouse.ledger.releases import load_release
from lakehouse.project import Project
from lakehouse.query.connection import Connection
from lakehouse.query.sql_guard import table_names


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an export reads.

    Args:
        tables: Version by table.
        ids: Delta's identity of each table, which tells a table from another that took its place.
        release: Name of the release, empty where none was given.
        release_digest: Its digest.
        views: SHA-256 of the file of each view that is read.
    """

    tables: Mapping[str, int]
    ids: Mapping[str, str]
    release: str = ""
    release_digest: str = ""
    views: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the snapshot as the manifest states it."""
        return {name: dict(sorted(v.items())) if isinstance(v, Mapping) else v for name, v in asdict(self).items()}


def take_snapshot(project: Project, connection: Connection, statements: Iterable[str]) -> Snapshot:
    """Return the versions of the tables that a connection has opened.

    Args:
        project: The project.
        connection: A connection that has bound all statements.
        statements: The statements, whose views are recorded.
    """
    versions = dict(connection.versions)
    ids = {name: str(project.catalog.open(name, at).metadata().id) for name, at in versions.items()}
    release = connection.pins.release
    digest = load_release(project.catalog, release).digest if release else ""
    return Snapshot(versions, ids, release, digest, _views(connection, statements))


def require_snapshot(project: Project, snapshot: Snapshot, place: str) -> None:
    """Check that an unfinished export can go on from what it began with.

    Raises:
        ExportError: If a table was replaced, files of a version are gone, or the release is no longer what it was.
    """
    restart = f"the lake has changed since: to start over, delete {place}"
    if snapshot.release:
        try:
            release = load_release(project.catalog, snapshot.release)
        except MixlakeError as error:
            raise ExportError(f"the export cannot go on: {error.message}", restart) from None
        if release.digest != snapshot.release_digest:
            raise ExportError(f"the export cannot go on: {snapshot.release} is now another release", restart)
    for name, version in snapshot.tables.items():
        try:
            table = project.catalog.open(name, version)
        except MixlakeError as error:
            raise ExportError(f"the export cannot go on: {error.message}", restart) from None
        if str(table.metadata().id) != snapshot.ids.get(name):
            raise ExportError(f"the export cannot go on: {name} was replaced by another table", restart)
        if not is_whole(table):
            raise ExportError(f"the export cannot go on: files of {name}@{version} were deleted", restart)


def require_views(connection: Connection, statements: Iterable[str], snapshot: Snapshot, place: str) -> None:
    """Check that the views that an unfinished export reads are as they were.

    Raises:
        ExportError: If the file of one has changed.
    """
    found = _views(connection, statements)
    changed = sorted({*found.items()} ^ {*snapshot.views.items()})
    if changed:
        raise ExportError(
            f"the export cannot go on: the view {changed[0][0]} has changed", f"to start over, delete {place}"
        )


def _views(connection: Connection, statements: Iterable[str]) -> dict[str, str]:
    """Return SHA-256 by view of the views that statements read, directly or through others."""
    files = connection.views()
    found: dict[str, str] = {}
    waiting = list(statements)
    while waiting:
        names = table_names(waiting.pop())
        for name in sorted(set(files) if names is None else names & set(files)):
            if name not in found:
                text = read_text(files[name])
                found[name] = hashlib.sha256(text.encode()).hexdigest()
                waiting.append(text)
    return dict(sorted(found.items()))
