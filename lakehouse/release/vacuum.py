"""Deleting the files that nobody needs.

What is needed is said by `lakehouse.release.retention`. Logs are kept: they are small, and hold the commit notes. A
vacuum deletes only files that lay in the folder before it read the log for the last time, that no needed
version names, and that are old enough where no commit names them at all: another writer may be about to.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import decoded, files
from lakehouse.delta.file_actions import ADD, CHANGE, commit_actions
from lakehouse.delta.store.delete import delete_files
from lakehouse.delta.store.listing import CHANGE_FOLDER, listing
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import LakeError, UsageError, unknown_table
from lakehouse.ledger.releases import acquire_pin_lock, pin_lock_version
from lakehouse.release.retention import RequiredVersions, required_versions

if TYPE_CHECKING:
    from deltalake import DeltaTable


log = logging.getLogger("mixlake.vacuum")

GRACE_HOURS = 168.0
_ATTEMPTS = 20
# A commit's log file is written after the files that it names; stores tell times only so well.
_SLACK_NS = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class TableVacuum:
    """What a vacuum deletes of one table.

    Args:
        table: The table.
        files: Data files.
        bytes: Their bytes.
        change_files: Files of the change feed.
        change_bytes: Their bytes.
        recent_orphans: Files that no commit names and that are kept for now.
        kept: The versions that are kept, each with who needs it.
        paths: The files, relative to the table's folder.
        required_paths: The data and change files that are needed.
        recent_orphan_paths: The recent orphans.
    """

    table: str
    files: int
    bytes: int
    change_files: int
    change_bytes: int
    recent_orphans: int
    kept: Mapping[int, str]
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
            "kept": [{"version": version, "why": why} for version, why in self.kept.items()],
        }


def vacuum(
    catalog: Catalog,
    tables: Iterable[str] | None = None,
    *,
    grace_hours: float = GRACE_HOURS,
    dry_run: bool = False,
    change_files: bool = True,
) -> list[TableVacuum]:
    """Delete the files that no needed version of a table names.

    Args:
        catalog: The lake's catalog.
        tables: The tables; by default all. What others need of them counts in either case.
        grace_hours: Files that no commit names are kept so long. With 0, no writer may be at work.
        dry_run: Delete nothing.
        change_files: Whether files of the change feed that no flow is to read are deleted, too.

    Returns:
        What was deleted, or would be, one entry a table.

    Raises:
        UsageError: If the hours are no number.
        TableNotFoundError: If a table does not exist.
        LakeError: If a table or a version that a release pins cannot be read, so that what is needed is unknown.
    """
    if not math.isfinite(grace_hours):
        raise UsageError(f"{grace_hours} hours are no time to wait", "give a number of hours")
    for _ in range(_ATTEMPTS):
        number = pin_lock_version(catalog)
        needed = required_versions(catalog)
        chosen = sorted(needed) if tables is None else list(dict.fromkeys(tables))
        for name in chosen:
            if name not in needed:
                raise unknown_table(name, needed)
        try:
            found = [
                unreferenced_files(catalog, name, needed[name], grace_hours, change_files=change_files)
                for name in chosen
            ]
        except FileNotFoundError as error:
            raise LakeError(f"nothing was deleted: a log is incomplete: {error}", "restore it") from None
        if dry_run or not any(len(item.paths) for item in found):
            return found
        # A release made since its number was read may pin what was found to be in nobody's use.
        if acquire_pin_lock(catalog, number + 1):
            for item in found:
                delete_files(catalog.open(item.table), item.paths.to_pylist())
            return found
        log.info("a release was made meanwhile; what is needed is looked at again")
    raise LakeError("nothing was deleted: releases are being made all the while", "try again later")


def unreferenced_files(
    catalog: Catalog, name: str, need: RequiredVersions, grace_hours: float, *, change_files: bool = True
) -> TableVacuum:
    """Find what can be deleted of one table. The folder is listed first, then the log is read."""
    stored = listing(catalog.open(name))
    table = catalog.open(name)
    named = [_data_files(catalog, name, first, last) for first, last in need.runs()]
    fed = commit_actions(table, range(need.first_unread + 1, int(table.version()) + 1))
    # Commits made since what is needed was looked at: all of theirs is.
    named.append(fed["path"].filter(pc.and_(pc.equal(fed["kind"], ADD), pc.greater(fed["version"], need.latest))))
    named.append(fed["path"].filter(pc.equal(fed["kind"], CHANGE)))
    wanted = pa.chunked_array([chunk for part in named for chunk in part.chunks], pa.string())
    stored = stored.filter(pc.invert(pc.is_in(stored["path"], wanted)))
    if not change_files:
        stored = stored.filter(pc.invert(pc.starts_with(stored["path"], f"{CHANGE_FOLDER}/")))
    recent = _recent_orphans(table, stored, grace_hours)
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
        kept=need.reasons(),
        paths=stored["path"],
        required_paths=wanted,
        recent_orphan_paths=recent,
    )


def _data_files(catalog: Catalog, name: str, first: int, last: int) -> pa.ChunkedArray:
    """Return the data files of some versions that follow each other."""
    table = catalog.open(name, first)
    later = commit_actions(table, range(first + 1, last + 1))
    added = later["path"].filter(pc.equal(later["kind"], ADD))
    return pa.chunked_array([*decoded(files(table)["path"]).chunks, *added.chunks], pa.string())


def _recent_orphans(table: DeltaTable, stored: pa.Table, grace_hours: float) -> pa.ChunkedArray:
    """Return those of some files that are younger than the grace period and named by no commit."""
    fresh = stored.filter(pc.greater(stored["modified"], time.time_ns() - int(grace_hours * 3600 * 10**9)))
    if grace_hours <= 0 or not fresh.num_rows:
        return pa.chunked_array([], pa.string())
    since = int(pc.min(fresh["modified"]).as_py()) - _SLACK_NS
    logs = table_store(table).get_file_info(pafs.FileSelector("_delta_log"))
    versions = [
        int(info.base_name.removesuffix(".json"))
        for info in logs
        if info.extension == "json" and info.base_name.removesuffix(".json").isdigit() and (info.mtime_ns or 0) >= since
    ]
    return fresh["path"].filter(pc.invert(pc.is_in(fresh["path"], commit_actions(table, versions)["path"])))
