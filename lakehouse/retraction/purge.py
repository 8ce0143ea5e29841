"""Purge retracted rows from old versions: ``mixlake retract --purge`` orders it, a run carries it out.

A run does so at its end, once no table has the rows at a version that is required; until then the purge stays ordered.
Then, in this order:

1. releases with retracted rows become broken, so that they retain nothing;
2. the affected tables are recorded: those with retracted rows at some version, and all that were made from them;
3. files of these tables that no required version names are deleted (`lakehouse.release.retention`), change files too;
4. logs of earlier runs are deleted, which may show a row that a flow failed at;
5. the order is recorded as purged.

A purge that is killed midway is restarted by the next run, with the same result. Deleting and naming versions
exclude each other as in a vacuum, see `lakehouse.ledger.releases`. Files that a commit names are deleted at once.
Recent files that no commit names stay, since a writer may be about to commit them; where they have rows the purge
stays ordered.

Logs stay as they are: they state values of key and clustering columns only (`Table.table_properties`). Where the log
of a table states others, because another tool or an older release wrote it, the purge stays ordered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from lakehouse.declare.contract import STATISTICS_COLUMNS, is_ledger
from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.declare.names import listed_names
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.file_actions import columns_in_log
from lakehouse.delta.history import commits_with_notes
from lakehouse.delta.log import types_of
from lakehouse.delta.retry import retry
from lakehouse.delta.store.delete import delete_files
from lakehouse.delta.transitive_closure import transitive_closure
from lakehouse.errors import MixlakeError
from lakehouse.ledger import tables
from lakehouse.ledger.releases import acquire_pin_lock, break_release, list_releases, pin_lock_version
from lakehouse.ledger.retractions import PURGED, Retraction, current, load_retractions, revision, update_order
from lakehouse.lineage.index.sync import is_fully_merged
from lakehouse.plan.plan import make_plan
from lakehouse.project import Project
from lakehouse.release.retention import RequiredVersions, required_versions
from lakehouse.release.vacuum import RETENTION_HOURS, TableVacuum, unreferenced_files
from lakehouse.retraction.quarantine_cleanup import delete_retracted_rows
from lakehouse.retraction.remaining_rows import (
    files_at,
    is_quarantined,
    may_contain_rows,
    older_types,
    stored_files,
    tables_with_rows,
)

log = logging.getLogger("mixlake.purge")

# The ledger's tables that repeat values of flows' rows.
_COPIES = (tables.quarantine.name, tables.edges.name)
# Causes for which a table may still have retracted rows.
_INCOMPLETE = ("input", "retraction", "input_replaced", "unreadable")


@dataclass(frozen=True, slots=True)
class Purge:
    """The result of a purge order.

    Args:
        order: The order.
        releases: Releases that it broke, in this run or before.
        files: Data and change files that were deleted in this run.
        bytes: Their bytes.
        blocked_by: Why it stays ordered, empty where it is done.
    """

    order: Retraction
    releases: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    blocked_by: str = ""

    def __str__(self) -> str:
        """Return it as one line."""
        if self.blocked_by:
            return f"the purge of retraction {self.order.ordinal} is blocked: {self.blocked_by}"
        broken = ", ".join(self.releases) or "none"
        return f"retraction {self.order.ordinal} is purged: {self.files} files deleted, releases broken: {broken}"

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake run --json`` prints."""
        return {
            "retraction": self.order.ordinal,
            "purged": not self.blocked_by,
            "blocked_by": self.blocked_by,
            "releases": list(self.releases),
            "files": self.files,
            "bytes": self.bytes,
        }


class _BlockedError(Exception):
    """The purge stays ordered, for the reason in the message."""


@dataclass(frozen=True, slots=True)
class _Steps:
    """What a run does for its purges; see `purge`."""

    sync: Callable[[], None]
    clean: Callable[[], None]
    failed: Collection[str]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a purge does.

    Args:
        pin_lock_version: Number of the last release or vacuum before it was planned.
        releases: Live releases with retracted rows.
        deletions: The affected tables: which files are required, and which are not.
    """

    pin_lock_version: int
    releases: tuple[str, ...]
    deletions: tuple[TableVacuum, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """The affected tables, sorted."""
        return tuple(item.table for item in self.deletions)


def purge(
    project: Project,
    *,
    sync: Callable[[], None],
    clean: Callable[[], None],
    failed: Collection[str] = (),
) -> list[Purge]:
    """Carry out the purges that were ordered and that nothing blocks.

    Args:
        project: The project.
        sync: Brings ``ledger.edges`` up to date.
        clean: Deletes the logs of runs, which may show rows.
        failed: Tables whose flows failed or were skipped in this run.

    Returns:
        One entry per order that was not done before.
    """
    steps = _Steps(sync, clean, failed)
    purges = []
    for order in [order for order in load_retractions(project.catalog).orders if order.to_purge]:
        try:
            purges.append(_purge(project, order, steps))
        except _BlockedError as reason:
            purges.append(Purge(order, blocked_by=str(reason)))
        except (MixlakeError, OSError, pa.ArrowException) as error:
            log.debug("the purge of retraction %s failed", order.ordinal, exc_info=True)
            purges.append(Purge(order, blocked_by=f"{' '.join(str(error).split())[:300]}; the next run tries again"))
    return purges


def _purge(project: Project, order: Retraction, steps: _Steps) -> Purge:
    catalog = project.catalog
    number = revision(catalog, order)
    _finish_retraction(project, order, steps)

    def claim() -> _Plan | None:
        """Plan and record the purge; None if a release was created meanwhile."""
        nonlocal number
        plan = _plan_purge(project, order)
        for name in plan.releases:
            break_release(catalog, name, order.ordinal)
        if not set(plan.tables) <= set(current(catalog, order).tables):
            if not update_order(catalog, order, number, tables=plan.tables):
                raise _BlockedError("another run is purging it")
            number += 1
        return plan if acquire_pin_lock(catalog, plan.pin_lock_version + 1) else None

    plan = retry(claim, _BlockedError("releases kept being created; the next run tries again"))
    _delete(catalog, plan)
    steps.clean()
    purged = _purged(catalog, order, plan)
    if (
        not purged.blocked_by
        and not update_order(catalog, order, number, state=PURGED)
        and current(catalog, order).state != PURGED
    ):
        return replace(purged, blocked_by="rows were added again meanwhile; the next run tries again")
    return purged


def _finish_retraction(project: Project, order: Retraction, steps: _Steps) -> None:
    """Delete the remaining rows in quarantine and in the index.

    Raises:
        _BlockedError: If a table may still have retracted rows.
    """
    if steps.failed:
        raise _BlockedError(f"the flow of {min(steps.failed)} failed")
    for item in make_plan(project).stale:
        cause = next((cause for cause in item.causes if cause.kind in _INCOMPLETE), None)
        if cause is not None:
            raise _BlockedError(
                f"{item.writes} is not up to date ({cause.kind}: {cause.detail}); mixlake run +{item.writes}"
            )
    if is_quarantined(project, order):
        delete_retracted_rows(project, repeat=True)
        if is_quarantined(project, order):
            raise _BlockedError(f"{tables.quarantine.name} contains retracted rows; the next run tries again")
    if not is_fully_merged(project):
        steps.sync()
        if not is_fully_merged(project):
            raise _BlockedError(f"{tables.edges.name} is not up to date; the next run tries again")


def _plan_purge(project: Project, order: Retraction) -> _Plan:
    """Find what to delete.

    Raises:
        _BlockedError: If a required version has retracted rows, or a log may state their values.
    """
    catalog = project.catalog
    number = pin_lock_version(catalog)
    names = [name for name in catalog.names() if not is_ledger(name)]
    stored, older = stored_files(catalog, names), older_types(catalog, names)
    releases = [
        release.name
        for release in list_releases(catalog)
        if tables_with_rows(project, order, files_at(catalog, release.tables, stored), older)
    ]
    required = required_versions(catalog, without=releases)
    deletions = {name: unreferenced_files(catalog, name, need, RETENTION_HOURS) for name, need in required.items()}
    retained = {
        name: sorted(set(stored[name]) & set(deletions[name].required_paths.to_pylist()))
        for name in names
        if name in deletions
    }
    if blocking := sorted(tables_with_rows(project, order, retained, older)):
        latest = files_at(catalog, {name: required[name].latest for name in retained}, stored)
        raise _BlockedError(_blocking(blocking, sorted(tables_with_rows(project, order, latest, older)), required))
    with_rows = set(current(catalog, order).tables) | tables_with_rows(project, order, stored, older)
    affected = {*_with_descendants(catalog, names, with_rows), *_COPIES} & set(deletions)
    _require_logs_without_values(project, affected, names)
    return _Plan(
        pin_lock_version=number,
        releases=tuple(releases),
        deletions=tuple(deletions[name] for name in sorted(affected)),
    )


def _blocking(blocking: list[str], latest: list[str], required: Mapping[str, RequiredVersions]) -> str:
    """Return which table has rows at a required version, and what requires it."""
    if latest:
        return f"{latest[0]} still contains retracted rows; see mixlake plan"
    # Releases were searched one by one.
    versions = [
        f"{name}@{version} ({', '.join(map(str, reasons))})"
        for name in blocking
        for version, reasons in sorted(required[name].by_version.items())
        if version != required[name].latest and not all(reason.kind == "release" for reason in reasons)
    ]
    return (
        f"older versions that may contain retracted rows are required: {'; '.join(versions[:5])}; run those flows too"
    )


def _with_descendants(catalog: Catalog, names: Iterable[str], roots: Collection[str]) -> set[str]:
    """Return some tables and all that were made from them, at any version."""
    children: dict[str, set[str]] = {}
    for name in names:
        for _, _, note in commits_with_notes(catalog.open(name)):
            for parent in note.inputs:
                children.setdefault(parent, set()).add(name)
    return transitive_closure(roots, lambda name: children.get(name, ()))


def _require_logs_without_values(project: Project, affected: Collection[str], names: Iterable[str]) -> None:
    """Refuse tables whose log states values of columns other than those that its properties list.

    All tables with mixlake's sample ids are checked: an earlier vacuum may have deleted the files with retracted rows.

    Raises:
        _BlockedError: If there is such a table.
    """
    for name in sorted({*affected, *names}):
        table = project.catalog.open(name)
        own = project.lineage_columns(name, types_of(table.schema().to_json()))
        if name not in affected and SAMPLE_ID not in own:
            continue
        permitted = listed_names(table.metadata().configuration.get(STATISTICS_COLUMNS, ""))
        if stated := sorted(columns_in_log(table).difference(permitted)):
            raise _BlockedError(
                f"the log of {name} states values of {', '.join(stated[:5])}; move the table's folder away and write "
                f"the table again, with {STATISTICS_COLUMNS} set to its key as contracts do"
            )


def _delete(catalog: Catalog, plan: _Plan) -> None:
    for item in plan.deletions:
        delete_files(catalog.open(item.table), item.paths.to_pylist())


def _purged(catalog: Catalog, order: Retraction, plan: _Plan) -> Purge:
    recent = [
        item.table
        for item in plan.deletions
        if may_contain_rows(catalog, item.table, item.recent_orphan_paths.to_pylist())
    ]
    blocked_by = ""
    if recent:
        blocked_by = (
            f"{recent[0]} has files younger than {RETENTION_HOURS:g} hours that no commit names; a later run "
            f"continues, or mixlake vacuum --retention-hours 0 deletes them now, if no run is active"
        )
    broken = [r.name for r in list_releases(catalog, broken=True) if order.ordinal in r.retractions]
    return Purge(
        order=order,
        releases=tuple(broken),
        files=sum(item.files + item.change_files for item in plan.deletions),
        bytes=sum(item.bytes for item in plan.deletions) + sum(item.change_bytes for item in plan.deletions),
        blocked_by=blocked_by,
    )
