"""Create a release: choose table versions and name them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from lakehouse.delta.retry import retry
from lakehouse.errors import LakeError, MixlakeError, ReleaseError
from lakehouse.ledger.releases import PINS, Release, append_release, pin_lock_version, recorded_releases
from lakehouse.project import Project
from lakehouse.query.table_names import open_named
from lakehouse.release.ancestors import mixed_ancestors, with_ancestors
from lakehouse.release.digest import content_digest, files_digest_of, release_digest
from lakehouse.release.seal import seal

log = logging.getLogger("mixlake.release")

DEFAULT_LAYER = "gold."
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9._-]{0,99}$")


def create_release(project: Project, name: str, tables: Iterable[str] | None = None, note: str = "") -> Release:
    """Pin the latest versions of tables, and what these were made from, under a name.

    Args:
        project: The project.
        name: Letters, digits, ``.``, ``_`` and ``-``, starting with a letter.
        tables: Tables to pin; by default all of the gold layer. What they descend from is pinned, too, at the
            versions that they were made from.
        note: Why it is created.

    Raises:
        ReleaseError: If the name is taken or not allowed, there is nothing to release, or a file is missing.
        TableNotFoundError: If a table does not exist.
    """
    if not _NAME.match(name):
        raise ReleaseError(f"release name {name!r} is not allowed", "start with a letter; use letters, digits, . _ -")
    recorded = recorded_releases(project.catalog)
    if name in recorded:
        state = recorded[name].state
        raise ReleaseError(f"the release {name} exists already ({state})", "take another name")

    def create() -> Release | None:
        lock = pin_lock_version(project.catalog)
        try:
            release = _choose_versions(project, name, tables, note)
        except MixlakeError:
            if pin_lock_version(project.catalog) == lock:
                raise
            return None  # a vacuum deleted what was chosen
        if append_release(project.catalog, release, {PINS: lock + 1}):
            return release
        if name in recorded_releases(project.catalog):
            raise ReleaseError(f"the release {name} was made by someone else just now", "take another name")
        log.info("a vacuum or another release came in between; the versions are chosen again")
        return None

    conflict = f"the release {name} could not be made: other releases or vacuums came first each time"
    return retry(create, ReleaseError(conflict, "try again later"))


def current_digest(project: Project, tables: Iterable[str] | None = None) -> str:
    """Return the digest that a release made now would have; commits that change no rows do not change it.

    Raises:
        ReleaseError: If there is nothing to release.
        TableNotFoundError: If a table does not exist.
    """
    opened = with_ancestors(project.catalog, _chosen_tables(project, tables))
    return release_digest({table: content_digest(delta) for table, delta in opened.items()})


def _choose_versions(project: Project, name: str, tables: Iterable[str] | None, note: str) -> Release:
    opened = with_ancestors(project.catalog, _chosen_tables(project, tables))
    for warning in mixed_ancestors(project.catalog, opened):
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


def _chosen_tables(project: Project, tables: Iterable[str] | None) -> list[str]:
    if tables:
        named = list(tables)
        for name in named:
            open_named(project, name)
        return named
    chosen = [table for table in project.catalog.names() if table.startswith(DEFAULT_LAYER)]
    if not chosen:
        raise ReleaseError("there is no gold table to release", "run the flows first: mixlake run")
    return chosen
