"""Update ``ledger.edges`` from the tables: what changed since its last commit, in one commit.

Changes come from the tables' change feeds, from the version that the last commit's note names. What a
kill between a flow's commit and this one left out is thus added the next time. Where a feed cannot be read, the table's
entries are removed and made from its rows again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from time import monotonic

from lakehouse.delta import append
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.retry import retry
from lakehouse.errors import CollisionError, first_line
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import load_retractions
from lakehouse.lineage.index.entries import IndexEngine, Level, NewEntries, Sources
from lakehouse.lineage.index.levels import first_replaced, level_sizes
from lakehouse.lineage.index.state import FLOW, FORMAT, IndexState, index_state
from lakehouse.project import Project

log = logging.getLogger("mixlake.edges")

_ATTEMPTS = 3
_UP_TO_DATE = -1


def sync_edges(engine: IndexEngine, project: Project, run_id: str) -> int | None:
    """Update ``ledger.edges`` to the tables' latest versions.

    Args:
        engine: Makes the entries.
        project: The project.
        run_id: The run, for the commit's note.

    Returns:
        The committed version; None where the index was up to date, and no row was read.

    Raises:
        CollisionError: If other runs kept committing first.
        LakeError: If the store refused a commit.
    """
    conflict = CollisionError(
        f"other runs updated {tables.edges.name} first, {_ATTEMPTS} times", "run again once they have ended"
    )
    version = retry(lambda: _attempt(engine, project, run_id), conflict, _ATTEMPTS)
    return None if version == _UP_TO_DATE else version


def is_fully_merged(project: Project) -> bool:
    """Whether the index, if there is one, has entries only of rows that the tables have now."""
    if not project.catalog.has(tables.edges.name):
        return True
    state = index_state(project)
    return state.current and state.edges is not None and len(level_sizes(state.edges)) < 2


def _needs_full_merge(catalog: Catalog, state: IndexState) -> bool:
    """Whether rows are to be purged whose entries cancel out but are still stored."""
    # What this sync adds becomes a level beside even a single one.
    if state.edges is None or (state.current and len(level_sizes(state.edges)) < 2):
        return False
    return any(order.to_purge for order in load_retractions(catalog).orders)


def _attempt(engine: IndexEngine, project: Project, run_id: str) -> int | None:
    """Compare the index with the tables, and update it.

    Returns:
        The committed version, `_UP_TO_DATE` if there was nothing to do, None if another run committed first.
    """
    catalog, state = project.catalog, index_state(project)
    merged = _needs_full_merge(catalog, state)
    if (state.current and not merged) or (state.edges is None and not state.tables):
        return _UP_TO_DATE
    try:
        return _sync(engine, catalog, state, run_id, merged=merged)
    except CollisionError as error:
        log.info("%s", error)
        return None


def _sync(engine: IndexEngine, catalog: Catalog, state: IndexState, run_id: str, *, merged: bool) -> int:
    inputs = state.note.inputs if state.note else {}
    feeds = {name: inputs[name] + 1 for name in sorted(state.changed)}
    sources = Sources(state, feeds, state.unknown, state.gone)
    try:
        return _write(engine, catalog, sources, run_id, merged=merged)
    except CollisionError:
        raise
    except engine.feed_errors as error:
        if not feeds:
            raise
        log.info("the changes of %s cannot be read, so all rows are: %s", ", ".join(feeds), first_line(error, 200))
    return _write(engine, catalog, sources.read_again, run_id, merged=merged)


def _write(engine: IndexEngine, catalog: Catalog, sources: Sources, run_id: str, *, merged: bool) -> int:
    """Make the entries, merge the smaller levels into them, and commit."""
    began, clock, state = datetime.now(UTC).isoformat(), monotonic(), sources.state
    with engine.new_entries(sources) as new:
        sizes = [] if sources.rebuild or state.edges is None else level_sizes(state.edges)
        number = 0 if merged else first_replaced(sizes, new.count)
        level = Level(number, new.count + sum(sizes[number:]), merges=number < len(sizes))
        note = CommitNote(
            run_id=run_id,
            flow=FLOW,
            kind="frame",
            mode="full" if sources.rebuild else "incremental",
            code=FORMAT,
            params="{}",
            contract=tables.edges.fingerprint(),
            inputs=state.versions,
            ids=state.ids,
            changed=True,
            counts={"read": new.count, "rows": level.rows, "level": number},
            digest="",
            engine=engine.name,
            started=began,
            seconds=round(monotonic() - clock, 3),
        )
        return _commit(catalog, new, level, note, -1 if state.edges is None else int(state.edges.version()))


def _commit(catalog: Catalog, new: NewEntries, level: Level, note: CommitNote, version: int) -> int:
    """Replace a level and all newer ones, if no other run has committed since `version`."""
    append.create(catalog, tables.edges)
    opened = catalog.open(tables.edges.name)
    if version >= 0 and int(opened.version()) != version:
        raise CollisionError(f"{tables.edges.name}: another run updated it", "it is compared again")
    return new.commit(level, note, int(opened.transaction_version(FLOW) or 0) + 1)
