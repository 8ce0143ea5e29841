"""Purge retracted rows from old versions: ``mixlake retract --purge`` orders it, a run carries it out.

A run does so at its end, once no table has the rows at a version that is required; until then the purge waits, and
the run, which says what for and which command ends it, exits with 1. Then, in this order:

1. releases with retracted rows become broken, so that they retain nothing;
2. the affected tables are recorded: those with retracted rows at some version, and all that were made from them;
3. files of these tables that no required version names are deleted (`lakehouse.release.retention`), change files too;
4. logs of earlier runs are deleted, which may show a row that a flow failed at;
5. the order is recorded as purged.

A purge that is killed midway is restarted by the next run, with the same result. Deleting and naming versions
exclude each other as in a vacuum, see `lakehouse.ledger.releases`. Files that a commit names are deleted at once.
Recent files that no commit names stay, since a writer may be about to commit them; where they have rows the purge
waits.

Logs stay as they are: they state values of key and clustering columns only (`Table.table_properties`). Where the log
of a table states others, because another tool or an older release wrote it, the purge waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

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
from lakehouse.ledger import tables
from lakehouse.ledger.releases import acquire_pin_lock, break_release, list_releases, pin_lock_version
from lakehouse.ledger.retractions import PURGED, Retraction, current, load_retractions, revision, update_order
from lakehouse.lineage.index.sync import is_fully_merged
from lakehouse.project import Project
from lakehouse.release.retention import RequiredVersions, required_versions
from lakehouse.release.vacuum import RETENTION_HOURS, TableVacuum, unreferenced_files
from lakehouse.retraction.obstacles import Obstacle, failure, incomplete_flow, older_versions, remaining_in
from lakehouse.retraction.quarantine_cleanup import clear_quarantine
from lakehouse.retraction.remaining_rows import (
    files_at,
    may_contain_rows,
    older_types,
    stored_files,
    tables_with_rows,
)

log = logging.getLogger("mixlake.purge")

_RUN = "mixlake run"
# The ledger's tables that repeat values of flows' rows.
_COPIES = (tables.quarantine.name, tables.edges.name)


@dataclass(frozen=True, slots=True)
class Purge:
    """The result of a purge order.

    Args:
        order: The order.
        releases: Releases that it broke, in this run or before.
        files: Data and change files that were deleted in this run.
        bytes: Their bytes.
        blocked_by: Why it is not done yet, empty where it is done.
        fix: The command that ends it, empty where it is done.
    """

    order: Retraction
    releases: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    blocked_by: str = ""
    fix: str = ""

    def __str__(self) -> str:
        """Return it as one line."""
        if self.blocked_by:
            return f"the purge of retraction {self.order.ordinal} waits: {Obstacle(self.blocked_by, self.fix)}"
        broken = ", ".join(self.releases) or "none"
        return f"retraction {self.order.ordinal} is purged: {self.files} files deleted, releases broken: {broken}"

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake run --json`` prints."""
        return {
            "retraction": self.order.ordinal,
            "purged": not self.blocked_by,
            "blocked_by": self.blocked_by,
            "fix": self.fix,
            "releases": list(self.releases),
            "files": self.files,
            "bytes": self.bytes,
        }


class _BlockedError(Exception):
    """The purge is not done in this run.

    Args:
        obstacle: Why, and what ends it.
    """

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(str(obstacle))
        self.obstacle = obstacle


def _again(reason: str) -> _BlockedError:
    return _BlockedError(Obstacle(reason, f"try again: {_RUN}"))


@dataclass(frozen=True, slots=True)
class _Steps:
    """What a run does for its purges; see `purge`."""

    run_id: str
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
    run_id: str,
    *,
    sync: Callable[[], None],
    clean: Callable[[], None],
    failed: Collection[str] = (),
) -> list[Purge]:
    """Carry out the purges that were ordered and that nothing blocks.

    Args:
        project: The project.
        run_id: The run that carries them out.
        sync: Brings ``ledger.edges`` up to date.
        clean: Deletes the logs of runs, which may show rows.
        failed: Tables whose flows failed or were skipped in this run.

    Returns:
        One entry per order that was not done before.
    """
    steps = _Steps(run_id, sync, clean, failed)
    purges = []
    for order in [order for order in load_retractions(project.catalog).orders if order.to_purge]:
        try:
            purges.append(_purge(project, order, steps))
        except _BlockedError as blocked:
            purges.append(Purge(order, blocked_by=blocked.obstacle.reason, fix=blocked.obstacle.fix))
        except Exception as error:
            # The flows have committed: whatever a purge meets is reported, and it goes on where it ended.
            log.debug("the purge of retraction %s failed", order.ordinal, exc_info=True)
            obstacle = failure(error)
            purges.append(Purge(order, blocked_by=obstacle.reason, fix=obstacle.fix))
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
                raise _again("another run is purging it")
            number += 1
        return plan if acquire_pin_lock(catalog, plan.pin_lock_version + 1) else None

    plan = retry(claim, _again("releases kept being created"))
    _delete(catalog, plan)
    steps.clean()
    purged = _purged(catalog, order, plan)
    if purged.blocked_by:
        return purged
    update_order(catalog, order, number, state=PURGED, run_id=steps.run_id, files=purged.files)
    if (now := current(catalog, order)).state != PURGED:
        raise _again("rows were added again meanwhile")
    return replace(purged, order=now)


def _finish_retraction(project: Project, order: Retraction, steps: _Steps) -> None:
    """Delete the remaining rows in quarantine and in the index.

    Raises:
        _BlockedError: If a table may still have retracted rows.
    """
    if (obstacle := incomplete_flow(project, steps.failed)) is not None:
        raise _BlockedError(obstacle)
    if not clear_quarantine(project, order):
        raise _again(f"{tables.quarantine.name} contains retracted rows")
    if not is_fully_merged(project):
        steps.sync()
        if not is_fully_merged(project):
            raise _again(f"{tables.edges.name} is not up to date")


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
        remaining = sorted(tables_with_rows(project, order, latest, older))
        raise _BlockedError(
            remaining_in(project, remaining[0]) if remaining else _required(project, blocking, required)
        )
    with_rows = set(current(catalog, order).tables) | tables_with_rows(project, order, stored, older)
    affected = {*_with_descendants(catalog, names, with_rows), *_COPIES} & set(deletions)
    _require_logs_without_values(project, affected, names)
    return _Plan(
        pin_lock_version=number,
        releases=tuple(releases),
        deletions=tuple(deletions[name] for name in sorted(affected)),
    )


def _required(project: Project, blocking: list[str], required: Mapping[str, RequiredVersions]) -> Obstacle:
    """Return which older versions with rows are required, and by what; releases were searched one by one."""
    found = [
        (f"{name}@{version} ({', '.join(map(str, reasons))})", [item.name for item in reasons if item.kind == "flow"])
        for name in blocking
        for version, reasons in sorted(required[name].by_version.items())
        if version != required[name].latest and not all(reason.kind == "release" for reason in reasons)
    ]
    readers = {name for _, names in found for name in names}
    return older_versions(project, [text for text, _ in found[:5]], readers)


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
                Obstacle(
                    f"the log of {name} states values of {', '.join(stated[:5])}",
                    f"move {table.table_uri} away and write the table again, with {STATISTICS_COLUMNS} set to its key "
                    f"as contracts do, then: {_RUN}",
                )
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
    blocked_by = fix = ""
    if recent:
        blocked_by = f"{recent[0]} has files younger than {RETENTION_HOURS:g} hours that no commit names"
        fix = f"a run after that time goes on; now, if no run is active: mixlake vacuum --retention-hours 0 && {_RUN}"
    broken = [r.name for r in list_releases(catalog, broken=True) if order.ordinal in r.retractions]
    return Purge(
        order=order,
        releases=tuple(broken),
        files=sum(item.files + item.change_files for item in plan.deletions),
        bytes=sum(item.bytes for item in plan.deletions) + sum(item.change_bytes for item in plan.deletions),
        blocked_by=blocked_by,
        fix=fix,
    )
