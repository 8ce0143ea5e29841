"""The versions of tables that must be retained, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import addresses_files
from lakehouse.delta.data_version import newest_with_same_rows
from lakehouse.delta.history import input_versions, newest_note
from lakehouse.delta.transitive_closure import transitive_closure
from lakehouse.ledger.releases import list_releases

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a version is required.

    Args:
        kind: The latest version, a release that pins it, or a flow that needs it.
        name: The release or the table that the flow writes, empty for the latest version.
        text: What the flow needs it for.
    """

    kind: Literal["latest", "release", "flow"]
    name: str = ""
    text: str = ""

    def __str__(self) -> str:
        """Return the reason in a few words."""
        return f"release {self.name}" if self.kind == "release" else self.text or self.kind


@dataclass
class RequiredVersions:
    """The required versions of one table.

    Args:
        latest: Its latest version when this was determined.
        first_unread: Oldest version from which a flow reads on; the latest where none does. Changes of later commits
            are required, too.
        reader: The table that this flow writes, empty where there is none.
        by_version: The reasons for each version.
    """

    latest: int
    first_unread: int
    reader: str = ""
    by_version: dict[int, list[Reason]] = field(default_factory=dict)

    def add(self, version: int, reason: Reason) -> None:
        """Require a version."""
        reasons = self.by_version.setdefault(version, [])
        if reason not in reasons:
            reasons.append(reason)

    def reasons(self) -> dict[int, str]:
        """Return the reasons as one text a version, the oldest version first."""
        return {version: ", ".join(map(str, self.by_version[version])) for version in sorted(self.by_version)}

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield the first and the last of consecutive required versions."""
        versions = sorted(self.by_version)
        first = 0
        for at, version in enumerate(versions):
            if at + 1 == len(versions) or versions[at + 1] != version + 1:
                yield versions[first], version
                first = at + 1


def required_versions(catalog: Catalog, without: Collection[str] = ()) -> dict[str, RequiredVersions]:
    """Determine which versions of each table are required, and why.

    - the latest;
    - those that a live release pins;
    - all from the oldest on that a flow has read, which reads on from there: the commit note of a table's
      latest version records what its flow has read. Commits that changed no rows need not be read again, so that
      the version after them counts (`newest_with_same_rows`);
    - those that the latest versions descend from: a release made now would pin them, each at the newest version with
      the same rows, see `lakehouse.release.ancestors`;
    - those whose files are named by the rows of a required version (`lakehouse.declare.contract.ADDRESSES_FILES`).

    Args:
        catalog: The lake's catalog.
        without: Releases to disregard.

    Raises:
        LakeError: If a table cannot be read, so that what it requires is unknown.
    """
    names = catalog.names()
    with ThreadPoolExecutor(8) as pool:
        tables = dict(zip(names, pool.map(catalog.open, names), strict=True))
    by_table = {name: RequiredVersions(int(table.version()), int(table.version())) for name, table in tables.items()}
    for versions in by_table.values():
        versions.add(versions.latest, Reason("latest"))
    for release in list_releases(catalog):
        if release.name in without:
            continue
        for name, version in release.tables.items():
            if name in by_table:
                by_table[name].add(version, Reason("release", release.name))
    _read_on(tables, by_table)
    _descended(tables, by_table)
    for versions in by_table.values():
        for version in range(versions.first_unread, versions.latest):
            reader = versions.reader
            versions.add(version, Reason("flow", reader, f"{reader} reads on from {versions.first_unread}"))
    _addressed(tables, by_table)
    return by_table


def _read_on(tables: Mapping[str, DeltaTable], by_table: dict[str, RequiredVersions]) -> None:
    """Find the oldest version of each table that a flow read last and continues from."""
    for child, table in tables.items():
        newest = newest_note(table)
        if newest is None:
            continue
        note = newest.note
        for parent, version in note.inputs.items():
            if parent not in tables or _is_other_table(tables[parent], note.ids.get(parent, "")):
                continue
            required = by_table[parent]
            same_rows = newest_with_same_rows(tables[parent], min(version, required.latest))
            if same_rows < required.first_unread:
                required.first_unread, required.reader = same_rows, child


def _descended(tables: Mapping[str, DeltaTable], by_table: dict[str, RequiredVersions]) -> None:
    """Require the versions that the latest ones were made from, directly or through others."""

    def parents(node: tuple[str, int]) -> Iterator[tuple[str, int]]:
        child, at = node
        newest = newest_note(tables[child], at)
        if newest is None:
            return
        for parent, read in newest.note.inputs.items():
            if parent not in tables or _is_other_table(tables[parent], newest.note.ids.get(parent, "")):
                continue
            version = min(read, by_table[parent].latest)
            same_rows = newest_with_same_rows(tables[parent], version)
            if same_rows < by_table[parent].latest:
                by_table[parent].add(same_rows, Reason("flow", child, f"{child}@{at} was made from it"))
            yield parent, same_rows

    transitive_closure([(name, required.latest) for name, required in by_table.items()], parents)


def _addressed(tables: Mapping[str, DeltaTable], by_table: dict[str, RequiredVersions]) -> None:
    """Require the versions whose files the rows of required versions name, as they were read."""
    for name, table in tables.items():
        if not addresses_files(table):
            continue
        for at in sorted(by_table[name].by_version):
            for parent, version in input_versions(table, at).items():
                if parent in by_table and version <= by_table[parent].latest:
                    by_table[parent].add(version, Reason("flow", name, f"{name}@{at} names its files"))


def _is_other_table(table: DeltaTable, identity: str) -> bool:
    """Whether a note recorded another table, which was replaced by this one."""
    return bool(identity) and identity != str(table.metadata().id)
