"""Delete the data and change files that no required version references.

`lakehouse.release.retention` determines the required versions. Logs are kept: they are small, and contain the commit
notes. Only files are deleted that were in the folder before the last read of the log, that no required version
references, and that are old enough where no commit names them at all: another writer may be about to commit them.

``DeltaTable.vacuum(full=True, keep_versions=...)`` does not serve, as ``tests/lakehouse/release/test_vacuum.py`` shows.
It deletes change files that a flow has yet to read, has one age for files of old versions and for orphans, and takes
files that were committed since the table was opened for orphans.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit import list_commits
from lakehouse.delta.data_files import files
from lakehouse.delta.file_actions import ADD, CHANGE, read_file_actions
from lakehouse.delta.retry import retry
from lakehouse.delta.store.delete import delete_files
from lakehouse.delta.store.listing import CHANGE_FOLDER, listing
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import LakeError, UsageError, unknown_table
from lakehouse.ledger.releases import acquire_pin_lock, pin_lock_version
from lakehouse.release.retention import RequiredVersions, required_versions
from lakehouse.release.unreadable_tables import possibly_required, unreadable_tables

if TYPE_CHECKING:
    from deltalake import DeltaTable


log = logging.getLogger("mixlake.vacuum")

RETENTION_HOURS = 168.0
# A commit's log file is written after the files that it names; the times that stores report differ by up to so much.
_SLACK_NS = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class TableVacuum:
    """The files of one table that a vacuum deletes.

    Args:
        table: The table.
        files: Data files.
        bytes: Their bytes.
        change_files: Files of the change feed.
        change_bytes: Their bytes.
        recent_orphans: Files that no commit names, retained because they are too new.
        retained: The versions that are retained, each with the reasons.
        skipped: Why nothing of it can be deleted, empty where something may be.
        paths: The files, relative to the table's folder.
        required_paths: The data and change files that are required.
        recent_orphan_paths: The recent orphans.
    """

    table: str
    files: int
    bytes: int
    change_files: int
    change_bytes: int
    recent_orphans: int
    retained: Mapping[int, str]
    skipped: str
    paths: pa.ChunkedArray = field(repr=False, compare=False)
    required_paths: pa.ChunkedArray = field(repr=False, compare=False)
    recent_orphan_paths: pa.ChunkedArray = field(repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake vacuum --json`` prints."""
        return {
            "table": self.table,
            "files": self.files,
            "bytes": self.bytes,
            "change_files": self.change_files,
            "change_bytes": self.change_bytes,
            "recent_orphans": self.recent_orphans,
            "skipped": self.skipped,
            "retained": [{"version": version, "why": why} for version, why in self.retained.items()],
        }


def vacuum(
    catalog: Catalog,
    tables: Iterable[str] | None = None,
    *,
    reads: Mapping[str, Collection[str]] | None = None,
    retention_hours: float = RETENTION_HOURS,
    dry_run: bool = False,
) -> list[TableVacuum]:
    """Delete the files that no required version of a table references.

    Args:
        catalog: The lake's catalog.
        tables: The tables; by default all. What other tables require of them counts in either case.
        reads: The tables that the flow of each table reads, as declared. Where a table cannot be read, those from which
            it was made are skipped, since it may require any version of them; see `possibly_required`.
        retention_hours: How long files that no commit names are retained. With 0, no writer may be active.
        dry_run: Delete nothing.

    Returns:
        What was deleted, or would be, one entry per table.

    Raises:
        UsageError: If the hours are not a finite number.
        TableNotFoundError: If a table does not exist.
        LakeError: If the releases cannot be read, or a version that one of them pins.
    """
    if not math.isfinite(retention_hours):
        raise UsageError(f"a retention of {retention_hours} hours is not finite", "give a number of hours")
    chosen = None if tables is None else list(dict.fromkeys(tables))

    def delete() -> list[TableVacuum] | None:
        lock = pin_lock_version(catalog)
        problems = unreadable_tables(catalog)
        required = required_versions(catalog, unreadable=problems)
        known = {*required, *problems}
        if unknown := [name for name in chosen or () if name not in known]:
            raise unknown_table(unknown[0], known)
        names = sorted(known) if chosen is None else chosen
        skipped = {
            **{
                name: f"{other} cannot be read and may require it"
                for name, other in possibly_required(catalog, problems, reads or {}).items()
            },
            **{name: str(error) for name, error in problems.items()},
        }
        try:
            deletions = [
                _skipped(name, skipped[name])
                if name in skipped
                else unreferenced_files(catalog, name, required[name], retention_hours)
                for name in names
            ]
        except FileNotFoundError as error:
            raise LakeError(f"nothing was deleted: a log is incomplete: {error}", "restore it") from None
        if dry_run or not any(len(item.paths) for item in deletions):
            return deletions
        # A release made since the lock was read may pin what was found to be unreferenced.
        if not acquire_pin_lock(catalog, lock + 1):
            log.info("a release was made meanwhile; the required versions are determined again")
            return None
        for item in deletions:
            if item.skipped:
                continue
            delete_files(catalog.open(item.table), item.paths.to_pylist())
        return deletions

    return retry(delete, LakeError("nothing was deleted: releases kept being created", "try again later"))


def unreferenced_files(catalog: Catalog, name: str, required: RequiredVersions, retention_hours: float) -> TableVacuum:
    """Find the files of one table that can be deleted. The folder is listed first, then the log is read."""
    stored = listing(table_store(catalog.open(name)))
    table = catalog.open(name)
    commits = read_file_actions(table_store(table), range(required.first_unread + 1, int(table.version()) + 1))
    # Commits made since the required versions were determined: all of their files are required.
    new = pc.and_(pc.equal(commits["kind"], ADD), pc.greater(commits["version"], required.latest))
    parts = [_data_files(catalog, name, first, last) for first, last in required.runs()]
    parts.append(commits["path"].filter(pc.or_(new, pc.equal(commits["kind"], CHANGE))))
    referenced = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string())
    stored = stored.filter(pc.invert(pc.is_in(stored["path"], referenced)))
    recent = _recent_orphans(table, stored, retention_hours)
    stored = stored.filter(pc.invert(pc.is_in(stored["path"], recent)))
    changes = stored.filter(pc.starts_with(stored["path"], f"{CHANGE_FOLDER}/"))
    size, change_size = (int(pc.sum(rows["size"]).as_py() or 0) for rows in (stored, changes))
    return TableVacuum(
        table=name,
        files=stored.num_rows - changes.num_rows,
        bytes=size - change_size,
        change_files=changes.num_rows,
        change_bytes=change_size,
        recent_orphans=len(recent),
        retained=required.reasons(),
        skipped="",
        paths=stored["path"],
        required_paths=referenced,
        recent_orphan_paths=recent,
    )


def _skipped(name: str, why: str) -> TableVacuum:
    none = pa.chunked_array([], pa.string())
    return TableVacuum(name, 0, 0, 0, 0, 0, {}, why, none, none, none)


def _data_files(catalog: Catalog, name: str, first: int, last: int) -> pa.ChunkedArray:
    """Return the data files of consecutive versions."""
    table = catalog.open(name, first)
    later = read_file_actions(table_store(table), range(first + 1, last + 1))
    added = later["path"].filter(pc.equal(later["kind"], ADD))
    return pa.chunked_array([*files(table)["file"].chunks, *added.chunks], pa.string())


def _recent_orphans(table: DeltaTable, stored: pa.Table, retention_hours: float) -> pa.ChunkedArray:
    """Return those of some files that are younger than the retention period and that no commit names."""
    recent = stored.filter(pc.greater(stored["modified"], time.time_ns() - int(retention_hours * 3600 * 10**9)))
    if retention_hours <= 0 or not recent.num_rows:
        return pa.chunked_array([], pa.string())
    since = int(pc.min(recent["modified"]).as_py()) - _SLACK_NS
    store = table_store(table)
    commits = list_commits(store).items()
    named = read_file_actions(store, [version for version, info in commits if (info.mtime_ns or 0) >= since])
    return recent["path"].filter(pc.invert(pc.is_in(recent["path"], named["path"])))
