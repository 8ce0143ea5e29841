"""At which version each table is read, and how its rows reach a reader unaltered.

delta-rs hands a table to Arrow as a dataset only where the table needs no reader feature; with column
mapping that dataset would silently give nulls. Such tables go through its query engine, which applies
the features, or are refused.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse.catalog import unknown_table
from lakehouse.errors import LakeError, MixlakeError, ReleaseError, TableNotFoundError
from lakehouse.history import commit_time, history, table_store
from lakehouse.log import APPLIED

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakehouse.lake import Lake

log = logging.getLogger("mixlake.snapshot")

_NUMBER = re.compile(r"^\d+$")
_PINNED = re.compile(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*@\d+$")
_LEDGER = "ledger."


@dataclass(frozen=True, slots=True)
class Pins:
    """Which version of each table is meant.

    Args:
        versions: Version by table; other tables are read at `time`, at `every`, or at their latest.
        release: Name of the release that the versions come from. Tables outside it are refused, but for
            the ledger's, which tell what happened to the release later.
        time: Tables are read as they were then.
        every: One version for all tables.
    """

    versions: Mapping[str, int] = field(default_factory=dict)
    release: str = ""
    time: datetime | None = None
    every: int | None = None

    def version(self, lake: Lake, name: str) -> int | None:
        """Return the version at which a table is read, None for its latest.

        Raises:
            ReleaseError: If the pins are a release's and the table is not part of it.
            TableNotFoundError: If the table did not exist at the time.
        """
        if name in self.versions:
            return self.versions[name]
        if self.release and not name.startswith(_LEDGER):
            raise ReleaseError(
                f"{name} is not part of the release {self.release}",
                f"it holds {', '.join(sorted(self.versions))}",
            )
        if self.time is not None:
            return version_at(lake.open(name), name, self.time)
        return self.every


def resolve_at(lake: Lake, at: str | None) -> Pins:
    """Read what a user means by ``--at``.

    Args:
        lake: The lake.
        at: A release's name; an ISO 8601 time (UTC where it names no zone); ``TABLE@VERSION``, several
            separated by commas; a version for all tables; or None for the latest versions.

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
    if all(_PINNED.match(part) for part in parts):
        pairs = [part.split("@") for part in parts]
        versions = {name: int(version) for name, version in pairs}
        if len(versions) < len(pairs):
            raise ReleaseError(f"{text} names a table twice", "give one version of each")
        known = {*lake.registry.tables, *lake.names()}
        for name in versions.keys() - known:
            raise unknown_table(name, known)
        return Pins(versions=versions)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        from lakehouse.release import load_release

        found = load_release(lake.uri, text, storage_options=lake.storage_options)
        return Pins(versions=found.tables, release=found.name)
    return Pins(time=time if time.tzinfo else time.replace(tzinfo=UTC))


def version_at(table: DeltaTable, name: str, time: datetime) -> int:
    """Return the last version of a table that was committed up to a time.

    Raises:
        TableNotFoundError: If it was made later.
    """
    made = time
    for commit in history(table):
        made = commit_time(commit)
        if made <= time:
            return int(commit["version"])
    told = f"its first commit is of {made.isoformat(timespec='seconds')}"
    raise TableNotFoundError(f"{name} did not exist at {time.isoformat()}", told)


def pinned_version(lake: Lake, release: str, table: str) -> int | None:
    """Return the version of a table in a release, also in one that was given up; None, and a warning, if it is gone."""
    from lakehouse.descent import is_whole
    from lakehouse.release import load_release

    try:
        found = load_release(lake.uri, release, dropped=True, storage_options=lake.storage_options)
        version = found.tables.get(table)
        if version is None:
            raise ReleaseError(f"it holds no {table}")
        opened = lake.open(table, version)
        # The log outlives the files of a version that no release guards from vacuum.
        if found.state != "live" and not is_whole(opened):
            raise LakeError(f"files of {table}@{version} were vacuumed")
    except MixlakeError as error:
        log.warning("training steps of the release %s cannot be traced: %s", release, error)
        return None
    return version


class Rows:
    """The rows of a table that needs reader features, as a fresh Arrow stream for each scan.

    Args:
        table: The table at its version.
        name: Its name, for errors.
    """

    def __init__(self, table: DeltaTable, name: str) -> None:
        """Keep the table; nothing is read yet."""
        self._table = table
        self._name = name

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Start the stream; see the Arrow PyCapsule interface."""
        from deltalake import QueryBuilder

        try:
            found = QueryBuilder().register("t", self._table).execute("SELECT * FROM t")
        except Exception as error:
            raise _unreadable(self._name, str(error)) from error
        return found.__arrow_c_stream__(requested_schema)


def scan(table: DeltaTable, name: str) -> Any:
    """Return what DuckDB, Polars or Arrow read a table through, at the version at which it was opened.

    Returns:
        A `pyarrow.dataset.Dataset` where the table needs no reader feature (filters and projections
        are pushed to its Parquet files), else `Rows`.

    Raises:
        LakeError: If the table needs a reader feature that no reader here applies.
    """
    protocol = table.protocol()
    mode = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    features = set(protocol.reader_features or ())
    if protocol.min_reader_version >= 2 and mode != "none":
        features.add("columnMapping")
    unknown = sorted(features - APPLIED)
    if unknown:
        raise _unreadable(name, f"it uses the Delta feature {', '.join(unknown)}")
    # A table may keep a feature that it no longer uses; only that which alters reading counts.
    if features - {"timestampNtz", "vacuumProtocolCheck"}:
        return Rows(table, name)
    try:
        return table.to_pyarrow_dataset(filesystem=table_store(table))
    except Exception as error:
        raise _unreadable(name, str(error)) from error


def empty(lake: Lake, name: str) -> pa.Table | None:
    """Return no rows under a declared table's schema, None where no contract declares the table."""
    contract = lake.registry.tables.get(name)
    return None if contract is None else contract.schema.empty_table()


def _unreadable(name: str, why: str) -> LakeError:
    first = why.strip().split("\n", 1)[0][:200]
    return LakeError(f"{name} cannot be read right: {first}", "write it without that feature, or read it through Spark")
