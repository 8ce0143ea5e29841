"""Find the version at which each table is read."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakehouse.declare.contract import is_ledger
from lakehouse.declare.names import table_name_problem
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import is_whole
from lakehouse.delta.history import history, with_times
from lakehouse.errors import LakeError, MixlakeError, ReleaseError, TableNotFoundError, unknown_table
from lakehouse.ledger.releases import load_release
from lakehouse.project import Project

if TYPE_CHECKING:
    from deltalake import DeltaTable


log = logging.getLogger("mixlake.snapshot")

_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}(-?\d)?")
_FRACTION = re.compile(r"[.,]\d")
_NUMBER = re.compile(r"^\d+$")
_PINNED = re.compile(r"^(?P<table>[^@\s]+)@\d+$")


@dataclass(frozen=True, slots=True)
class Pins:
    """Which version of each table is meant.

    Args:
        versions: Version by table; other tables are read at `time`, at `every`, or at their latest.
        release: Name of the release that the versions come from. Tables outside it are refused, but for
            the ledger's, which record what happened to the release later.
        time: Tables are read as they were then.
        every: One version for all tables.
    """

    versions: Mapping[str, int] = field(default_factory=dict)
    release: str = ""
    time: datetime | None = None
    every: int | None = None

    def version(self, catalog: Catalog, name: str) -> int | None:
        """Return the version at which a table is read, None for its latest.

        Raises:
            ReleaseError: If the pins are a release's and the table is not part of it.
            TableNotFoundError: If the table did not exist at the time.
        """
        if name in self.versions:
            return self.versions[name]
        if self.release and not is_ledger(name):
            raise ReleaseError(
                f"{name} is not part of the release {self.release}",
                f"it holds {', '.join(sorted(self.versions))}",
            )
        if self.time is not None:
            return version_at(catalog.open(name), name, self.time)
        return self.every


def resolve_at(project: Project, at: str | None) -> Pins:
    """Parse what a user gives for ``--at``.

    Args:
        project: The project.
        at: A release's name; an ISO 8601 time; ``TABLE@VERSION``, several separated by commas; a version for all
            tables; or None for the latest versions. A time is of UTC where it names no zone, and means the versions
            that were committed up to it: one without a fraction lasts to the end of its second, so that a time that
            is shown in seconds finds its version. A date alone is its midnight.

    Raises:
        ReleaseError: If it is none of these.
        TableNotFoundError: If a table is named that is neither declared nor in the lake.
    """
    if at is None:
        return Pins()
    text = at.strip()
    if not text:
        raise ReleaseError("no release, time or version is given to read at", "leave --at out for the latest versions")
    if _NUMBER.match(text):
        return Pins(every=int(text))
    parts = [part.strip() for part in text.split(",")]
    if all((pinned := _PINNED.match(part)) and not table_name_problem(pinned["table"]) for part in parts):
        pairs = [part.split("@") for part in parts]
        versions = {name: int(version) for name, version in pairs}
        if len(versions) < len(pairs):
            raise ReleaseError(f"{text} names a table twice", "give one version of each")
        known = {*project.registry.tables, *project.catalog.names()}
        for name in versions.keys() - known:
            raise unknown_table(name, known)
        return Pins(versions=versions)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        release = load_release(project.catalog, text)
        return Pins(versions=release.tables, release=release.name)
    if not _FRACTION.search(text) and not _DATE.fullmatch(text):
        time = time.replace(microsecond=999_999)
    return Pins(time=time if time.tzinfo else time.replace(tzinfo=UTC))


def version_at(table: DeltaTable, name: str, time: datetime) -> int:
    """Return the last version of a table that was committed up to a time.

    Raises:
        TableNotFoundError: If it was made later.
    """
    made = time
    for made, commit in with_times(history(table)):
        if made <= time:
            return int(commit["version"])
    hint = f"its first commit is of {made.isoformat(timespec='milliseconds')}"
    raise TableNotFoundError(f"{name} did not exist at {time.isoformat(timespec='milliseconds')}", hint)


def require_written(catalog: Catalog, time: datetime) -> None:
    """Refuse a time at which the lake had no table.

    Raises:
        TableNotFoundError: If all tables were made later.
    """
    earliest: datetime | None = None
    for name in catalog.names():
        *_, made = (made for made, _ in with_times(history(catalog.open(name))))
        if made <= time:
            return
        earliest = made if earliest is None else min(earliest, made)
    if earliest is not None:
        was, first = (moment.isoformat(timespec="milliseconds") for moment in (time, earliest))
        raise TableNotFoundError(f"the lake had no tables at {was}", f"the first commit of any is of {first}")


def pinned_version(catalog: Catalog, release: str, table: str) -> int | None:
    """Return the version of a table in a release, even a dropped one; None, with a warning, if it is gone."""
    try:
        found = load_release(catalog, release, dropped=True)
        version = found.tables.get(table)
        if version is None:
            raise ReleaseError(f"it does not contain {table}")
        opened = catalog.open(table, version)
        # The log outlives the files of a version that no release guards from vacuum.
        if found.state != "live" and not is_whole(opened):
            raise LakeError(f"files of {table}@{version} were vacuumed")
    except MixlakeError as error:
        log.warning("training steps of the release %s cannot be traced: %s", release, error)
        return None
    return version
