"""Which versions of which tables somebody needs, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import addresses_files
from lakehouse.delta.data_version import settled_version
from lakehouse.delta.history import input_versions, newest_note
from lakehouse.ledger.releases import list_releases

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass
class RequiredVersions:
    """What is needed of one table.

    Args:
        latest: Its latest version when it was looked at.
        first_unread: Oldest version from which a flow reads on; the latest where none does. Changes of later commits
            are needed, too.
        reader: The table whose flow that is, empty where none does.
        by_version: Who needs each version.
    """

    latest: int
    first_unread: int
    reader: str = ""
    by_version: dict[int, list[str]] = field(default_factory=dict)

    def add(self, version: int, reason: str) -> None:
        """Note that a version is needed."""
        reasons = self.by_version.setdefault(version, [])
        if reason not in reasons:
            reasons.append(reason)

    def reasons(self) -> dict[int, str]:
        """Return the reasons as one text a version, the oldest version first."""
        return {version: ", ".join(self.by_version[version]) for version in sorted(self.by_version)}

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield the first and the last of the needed versions that follow each other."""
        versions = sorted(self.by_version)
        first = 0
        for at, version in enumerate(versions):
            if at + 1 == len(versions) or versions[at + 1] != version + 1:
                yield versions[first], version
                first = at + 1


def required_versions(catalog: Catalog, without: Collection[str] = ()) -> dict[str, RequiredVersions]:
    """Say which versions of each table are needed.

    - the latest;
    - those that a live release pins;
    - all from the oldest on that a flow has read, which reads on from there: the commit note of a table's
      latest version tells what its flow has read. Commits that left all rows as they were need not be read
      again, so that the version after them counts (`settled_version`);
    - those that the latest versions descend from: a release made now would pin them;
    - those whose files are named by the rows of a needed version (`lakehouse.declare.contract.ADDRESSES_FILES`).

    Args:
        catalog: The lake's catalog.
        without: Releases that count as given up.

    Raises:
        LakeError: If a table cannot be read: what it needs is unknown.
    """
    names = catalog.names()
    with ThreadPoolExecutor(8) as pool:
        tables = dict(zip(names, pool.map(catalog.open, names), strict=True))
    found = {name: RequiredVersions(int(table.version()), int(table.version())) for name, table in tables.items()}
    for need in found.values():
        need.add(need.latest, "latest")
    for release in list_releases(catalog):
        if release.name in without:
            continue
        for name, version in release.tables.items():
            if name in found:
                found[name].add(version, f"release {release.name}")
    _read_on(tables, found)
    _descended(tables, found)
    for need in found.values():
        for version in range(need.first_unread, need.latest):
            need.add(version, f"{need.reader} reads on from {need.first_unread}")
    _addressed(tables, found)
    return found


def _read_on(tables: Mapping[str, DeltaTable], found: dict[str, RequiredVersions]) -> None:
    """Find the oldest version of each table that a flow has read last."""
    for child, table in tables.items():
        newest = newest_note(table)
        if newest is None:
            continue
        note = newest[1]
        for parent, version in note.inputs.items():
            if parent not in tables or _another(tables[parent], note.ids.get(parent, "")):
                continue
            need = found[parent]
            settled = settled_version(tables[parent], min(version, need.latest))
            if settled < need.first_unread:
                need.first_unread, need.reader = settled, child


def _descended(tables: Mapping[str, DeltaTable], found: dict[str, RequiredVersions]) -> None:
    """Follow the latest versions up to what they were made from."""
    waiting = [(name, need.latest) for name, need in found.items()]
    seen = set(waiting)
    while waiting:
        child, at = waiting.pop()
        newest = newest_note(tables[child], at)
        for parent, version in (newest[1].inputs if newest else {}).items():
            if parent not in tables or _another(tables[parent], newest[1].ids.get(parent, "") if newest else ""):
                continue
            version = min(version, found[parent].latest)  # noqa: PLW2901
            settled = settled_version(tables[parent], version)
            if settled < found[parent].latest:
                found[parent].add(settled, f"{child}@{at} was made from it")
            for met in {(parent, version), (parent, settled)} - seen:
                seen.add(met)
                waiting.append(met)


def _addressed(tables: Mapping[str, DeltaTable], found: dict[str, RequiredVersions]) -> None:
    """Keep what rows of needed versions point into, at the very versions that were read."""
    for name, table in tables.items():
        if not addresses_files(table):
            continue
        for at in sorted(found[name].by_version):
            for parent, version in input_versions(table, at).items():
                if parent in found and version <= found[parent].latest:
                    found[parent].add(version, f"{name}@{at} names its files")


def _another(table: DeltaTable, identity: str) -> bool:
    """Whether a note speaks of another table, which lay in this one's place."""
    return bool(identity) and identity != str(table.metadata().id)
