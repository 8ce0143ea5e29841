"""Purges: rows that were taken back leave old versions, too. What ``mixlake retract --purge`` orders, a run does.

It does so at its end, once no table holds the rows at a version that anybody needs; until then the purge stays
ordered. Then, in this order:

1. releases that hold such rows become broken, so that they guard nothing;
2. the tables that are concerned are recorded: those that hold such rows at some version, and what was made from them;
3. files of these tables that no required version names are deleted (`lakehouse.release.retention`), change files too,
   and so are the statistics of deleted files in the logs of all tables (`lakehouse.retraction.log_scrub`);
4. logs of earlier runs go, which may show a row that a flow failed at;
5. the order is recorded as purged.

Whatever is killed in between, the next run does from the start, to the same end. Deleting and naming versions exclude
each other as in a vacuum, see `lakehouse.ledger.releases`. Files that a commit names go at once; recent files that no
commit names stay, since a writer may be about to commit them, and where they hold rows the purge stays ordered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.history import commits_with_notes
from lakehouse.delta.store.delete import delete_files
from lakehouse.errors import MixlakeError
from lakehouse.ledger import tables
from lakehouse.ledger.releases import acquire_pin_lock, break_release, list_releases, pin_lock_version
from lakehouse.ledger.retractions import PURGED, Retraction, current, load_retractions, revision, update_order
from lakehouse.lineage.index.sync import is_fully_merged
from lakehouse.plan.plan import make_plan
from lakehouse.project import Project
from lakehouse.release.retention import RequiredVersions, required_versions
from lakehouse.release.vacuum import RETENTION_HOURS, TableVacuum, unreferenced_files
from lakehouse.retraction.log_scrub import forget_statistics
from lakehouse.retraction.quarantine_cleanup import delete_retracted_rows
from lakehouse.retraction.remaining_rows import (
    files_at,
    is_quarantined,
    may_contain_rows,
    stored_files,
    tables_with_rows,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


log = logging.getLogger("mixlake.purge")

_ATTEMPTS = 20
_LEDGER = "ledger."
# The ledger's tables that hold what flows' rows hold.
_COPIES = (tables.quarantine.name, tables.edges.name)
_UNTAKEN = ("input", "retraction", "input_replaced")


@dataclass(frozen=True, slots=True)
class Purge:
    """What became of an order to purge.

    Args:
        order: The order.
        releases: Releases that it broke, in this run or before.
        files: Data and change files that were deleted in this run.
        bytes: Their bytes.
        waits: Why it stays ordered, empty where it is done.
    """

    order: Retraction
    releases: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    waits: str = ""

    def __str__(self) -> str:
        """Return it in a line."""
        if self.waits:
            return f"the purge of retraction {self.order.ordinal} waits: {self.waits}"
        broken = ", ".join(self.releases) or "none"
        return f"retraction {self.order.ordinal} is purged: {self.files} files deleted, releases broken: {broken}"

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake run --json`` prints."""
        return {
            "retraction": self.order.ordinal,
            "purged": not self.waits,
            "waits": self.waits,
            "releases": list(self.releases),
            "files": self.files,
            "bytes": self.bytes,
        }


def purge(
    project: Project,
    spark: Callable[[], SparkSession],
    *,
    sync: Callable[[], None],
    clean: Callable[[], None],
    failed: Collection[str] = (),
) -> list[Purge]:
    """Do the purges that were ordered and that nothing stands against.

    Args:
        project: The project.
        spark: Called where Spark is needed.
        sync: Brings ``ledger.edges`` up to date.
        clean: Removes the logs of runs, which may show rows.
        failed: Tables whose flows failed or were skipped just now.

    Returns:
        One entry an order that was not done before.
    """
    orders = [order for order in load_retractions(project.catalog).orders if order.to_purge]
    if not orders:
        return []
    found = []
    for order in orders:
        try:
            found.append(_purge(project, order, spark, sync, clean, failed))
        except (MixlakeError, OSError, pa.ArrowException) as error:
            log.debug("the purge of retraction %s failed", order.ordinal, exc_info=True)
            found.append(Purge(order, waits=f"{' '.join(str(error).split())[:300]}; the next run tries again"))
    return found


def _purge(
    project: Project,
    order: Retraction,
    spark: Callable[[], SparkSession],
    sync: Callable[[], None],
    clean: Callable[[], None],
    failed: Collection[str],
) -> Purge:
    number = revision(project.catalog, order)
    waits = _stands_against(project, order, spark, sync, failed)
    if waits:
        return Purge(order, waits=waits)
    for _ in range(_ATTEMPTS):
        looked = _look(project, order)
        if looked.waits:
            return Purge(order, waits=looked.waits)
        for name in looked.releases:
            break_release(project.catalog, name, _reason(order))
        if not set(looked.tables) <= set(current(project.catalog, order).tables):
            if not update_order(project.catalog, order, number, tables=looked.tables):
                return Purge(order, waits="another run is at it")
            number += 1
        if acquire_pin_lock(project.catalog, looked.pin_lock_version + 1):
            break
        log.info("a release was made meanwhile; what is needed is looked at again")
    else:
        return Purge(order, waits="releases are being made all the while; the next run tries again")
    _delete(project.catalog, looked)
    clean()
    told = _told(project.catalog, order, looked)
    if (
        not told.waits
        and not update_order(project.catalog, order, number, state=PURGED)
        and current(project.catalog, order).state != PURGED
    ):
        return replace(told, waits="rows came back meanwhile; the next run tries again")
    return told


def _stands_against(
    project: Project,
    order: Retraction,
    spark: Callable[[], SparkSession],
    sync: Callable[[], None],
    failed: Collection[str],
) -> str:
    """Say why rows may be in some table still, having done what is left to do about it; empty where they are not."""
    if failed:
        return f"the flow of {min(failed)} failed"
    for item in make_plan(project).stale:
        cause = next((cause for cause in item.causes if cause.kind in _UNTAKEN), None)
        if cause is not None:
            return f"{item.writes} is not up to date ({cause.kind}: {cause.detail}); mixlake run +{item.writes}"
    if is_quarantined(project, order):
        delete_retracted_rows(project.catalog, spark, again=True)
        if is_quarantined(project, order):
            return f"{tables.quarantine.name} holds such rows; the next run tries again"
    if not is_fully_merged(project.catalog):
        sync()
        if not is_fully_merged(project.catalog):
            return f"{tables.edges.name} is not up to date; the next run tries again"
    return ""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a purge is to do, and what was looked at for it.

    Args:
        pin_lock_version: Number of the last release or vacuum before it was looked at.
        releases: Live releases that hold such rows.
        tables: Tables that are concerned.
        found: What is needed of them, and what is not.
        versions: Version of each table, at which that was looked at.
        staying: Files of each table that stay.
        waits: Why nothing may be done.
    """

    pin_lock_version: int
    releases: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    found: tuple[TableVacuum, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict)
    staying: Mapping[str, list[str]] = field(default_factory=dict)
    waits: str = ""


def _look(project: Project, order: Retraction) -> _Looked:
    number = pin_lock_version(project.catalog)
    names = [name for name in project.catalog.names() if not name.startswith(_LEDGER)]
    stored = stored_files(project.catalog, names)
    concerned = set(current(project.catalog, order).tables) | tables_with_rows(project, order, stored)
    releases = [
        release.name
        for release in list_releases(project.catalog)
        if tables_with_rows(project, order, files_at(project.catalog, release.tables, stored))
    ]
    needed = required_versions(project.catalog, without=releases)
    found = {name: unreferenced_files(project.catalog, name, need, RETENTION_HOURS) for name, need in needed.items()}
    kept = {
        name: sorted(set(stored[name]) & set(found[name].required_paths.to_pylist())) for name in names if name in found
    }
    if holding := sorted(tables_with_rows(project, order, kept)):
        latest = files_at(project.catalog, {name: needed[name].latest for name in kept}, stored)
        return _Looked(number, waits=_why(holding, sorted(tables_with_rows(project, order, latest)), needed))
    tables = {*_made_from(project.catalog, names, concerned), *_COPIES} & set(found)
    # A file may have gone in an earlier vacuum: the log tells of its rows all the same.
    staying = {
        name: [*item.required_paths.to_pylist(), *(stored.get(name, ()) if name not in tables else ())]
        for name, item in found.items()
        if name in tables or name in stored
    }
    return _Looked(
        pin_lock_version=number,
        releases=tuple(releases),
        tables=tuple(sorted(tables)),
        found=tuple(found[name] for name in sorted(tables)),
        versions={name: needed[name].latest for name in staying},
        staying=staying,
    )


def _why(holding: list[str], latest: list[str], needed: Mapping[str, RequiredVersions]) -> str:
    """Say which table holds rows at a version that is needed, and who needs it."""
    if latest:
        return f"{latest[0]} holds such rows still; see mixlake plan"
    # Releases were looked at one by one.
    told = [
        f"{name}@{version} ({', '.join(why)})"
        for name in holding
        for version, why in sorted(needed[name].by_version.items())
        if version != needed[name].latest and not all(reason.startswith("release ") for reason in why)
    ]
    return f"older versions that may hold such rows are needed: {'; '.join(told[:5])}; run those flows, too"


def _made_from(catalog: Catalog, names: Iterable[str], tables: Collection[str]) -> set[str]:
    """Return some tables with all that were made from them, at whatever version."""
    read = {
        name: {parent for _, _, note in commits_with_notes(catalog.open(name)) for parent in note.inputs}
        for name in names
    }
    found, waiting = set(tables), list(tables)
    while waiting:
        parent = waiting.pop()
        more = {child for child, parents in read.items() if parent in parents} - found
        found |= more
        waiting.extend(more)
    return found


def _delete(catalog: Catalog, looked: _Looked) -> None:
    for item in looked.found:
        delete_files(catalog.open(item.table), item.paths.to_pylist())
    for name, paths in looked.staying.items():
        forget_statistics(catalog.open(name, looked.versions[name]), paths)


def _told(catalog: Catalog, order: Retraction, looked: _Looked) -> Purge:
    young = [
        item.table
        for item in looked.found
        if may_contain_rows(catalog, item.table, item.recent_orphan_paths.to_pylist())
    ]
    waits = ""
    if young:
        waits = (
            f"{young[0]} has files younger than {RETENTION_HOURS:g} hours that no commit names; a later run goes on, "
            f"or mixlake vacuum --retention-hours 0 deletes them now, where no run is at work"
        )
    broken = [r.name for r in list_releases(catalog, broken=True) if _reason(order) in r.reason]
    return Purge(
        order=order,
        releases=tuple(broken),
        files=sum(item.files + item.change_files for item in looked.found),
        bytes=sum(item.bytes for item in looked.found) + sum(item.change_bytes for item in looked.found),
        waits=waits,
    )


def _reason(order: Retraction) -> str:
    return f"rows of it were purged (retraction {order.ordinal})"
