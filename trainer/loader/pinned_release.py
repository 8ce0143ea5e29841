"""A release as a loader sees it: which version of which table, and whether its files can be read directly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from deltalake import DeltaTable

from lakehouse.declare.contract import Table
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.scan import scan
from lakehouse.errors import LakeError, MixlakeError, ReleaseError
from lakehouse.lake import Lake
from lakehouse.ledger.releases import load_release

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc

# Reader features that change nothing about what a data file holds.
_HARMLESS = frozenset({"timestampNtz", "vacuumProtocolCheck"})


@runtime_checkable
class ReleaseLike(Protocol):
    """What a loader needs of a release, see `lakehouse.ledger.releases.Release`."""

    @property
    def digest(self) -> str:
        """Content digest over its tables."""

    @property
    def tables(self) -> Mapping[str, int]:
        """Version of each table."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A lake at the versions of a release.

    Args:
        lake: The lake's place.
        name: Name of the release, for messages.
        digest: Its content digest.
        tables: Version of each table.
        storage_options: Options of the object store, None for a folder.
    """

    lake: str
    name: str
    digest: str
    tables: Mapping[str, int]
    storage_options: dict[str, str] | None = None

    def open(self, table: Table) -> DeltaTable:
        """Open a table at the release's version, as one whose files mean what they hold.

        Raises:
            ReleaseError: If the release lacks the table, or its version cannot be read any more.
            LakeError: If the table uses a feature that reading its files directly would get wrong.
        """
        if table.name not in self.tables:
            raise ReleaseError(
                f"release {self.name} does not contain {table.name}", f"make a release of a lake that has {table.name}"
            )
        version = int(self.tables[table.name])
        try:
            opened = Catalog(self.lake, self.storage_options).open(table.name, version)
        except MixlakeError as error:
            raise ReleaseError(
                f"release {self.name} is no longer whole: {error.message}", "see mixlake release verify " + self.name
            ) from None
        refuse_unreadable(opened, table)
        return opened

    def read(self, table: Table, columns: Sequence[str], where: pc.Expression | None = None) -> pa.Table:
        """Read columns of a table whole, for tables that are small or whose rows the loader looks up.

        Raises:
            ReleaseError: If the release lacks the table, or its files are no longer there.
            LakeError: If the table uses a feature that would be read wrong.
        """
        opened = self.open(table)
        try:
            return scan(opened, table.name).to_table(columns=list(columns), filter=where)
        except FileNotFoundError as error:
            raise ReleaseError(
                f"release {self.name} is no longer whole: a data file of {table.name} is missing: {error}",
                "it was vacuumed or lost; make a new release",
            ) from None


def open_snapshot(
    lake: str | Lake, release: str | ReleaseLike | Mapping[str, int], storage_options: dict[str, str] | None = None
) -> Snapshot:
    """Open a release.

    Args:
        lake: The lake or its place.
        release: Its name, a release, or versions by table, whose digest is then one of the versions themselves.
        storage_options: Options of the object store; by default the lake's.

    Raises:
        ReleaseError: If there is no such release.
    """
    if isinstance(lake, Lake):
        storage_options = storage_options or lake.catalog.storage_options
        place = lake.uri
    else:
        place = str(lake).removeprefix("file://")
    if isinstance(release, str):
        pinned = load_release(Catalog(place, storage_options), release)
        return Snapshot(place, release, pinned.digest, pinned.tables, storage_options)
    if isinstance(release, Mapping):
        body = json.dumps({name: int(version) for name, version in release.items()}, sort_keys=True)
        digest = hashlib.sha256(body.encode()).hexdigest()[:32]
        return Snapshot(place, "(versions)", digest, release, storage_options)
    return Snapshot(place, getattr(release, "name", "(release)"), release.digest, release.tables, storage_options)


def refuse_unreadable(opened: DeltaTable, table: Table) -> None:
    """Refuse a table whose files, read directly, have other rows than the table.

    Deletion vectors would bring deleted rows back, mapped columns would read as nulls, partition columns are
    not in the files (measured against what Spark writes).

    Raises:
        LakeError: If the table is such a one, or lacks a column of its contract.
    """
    metadata, protocol = opened.metadata(), opened.protocol()
    mapping = (metadata.configuration or {}).get("delta.columnMapping.mode") or "none"
    features = set(protocol.reader_features or ()) - _HARMLESS
    if mapping != "none":
        features.add(f"columnMapping ({mapping})")
    if metadata.partition_columns:
        features.add(f"partitioning by {', '.join(metadata.partition_columns)}")
    if features:
        raise LakeError(
            f"{table.name} uses {', '.join(sorted(features))}, which the loader does not read",
            "rewrite the table with mixlake run --full, and create a new release",
        )
    present = {field.name for field in opened.schema().fields}
    missing = [name for name in table.required if name not in present]
    if missing:
        raise LakeError(
            f"{table.name} lacks the column {missing[0]!r}", "it was written by another mixlake; run its flow again"
        )
