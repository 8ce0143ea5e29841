"""Tell why a sample is where it is: each outcome from landing to training, with rule, value, threshold and run.

Rows and what they were made from come from the lineage of all tables, quarantine and retractions from the ledger, the
decisions of flows from the views of outcomes (`lakehouse.query.outcome_views`), so that a project's own tables and
views have their place in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lakehouse.declare.table_order import order_tables
from lakehouse.errors import QueryError
from lakehouse.ledger import tables as ledger
from lakehouse.lineage.find_sample import find_sample
from lakehouse.lineage.outcomes import declared_outcomes, quarantined_outcomes, retracted_outcomes, time_text
from lakehouse.lineage.reader import Samples
from lakehouse.lineage.scan_reader import open_samples
from lakehouse.lineage.story import Event, Story
from lakehouse.lineage.training_steps import steps_of_samples
from lakehouse.lineage.walk import Walk
from lakehouse.project import Project
from lakehouse.query.connection import Connection, connect

ROW_LIMIT = 10_000


def why(project: Project, sample: str, at: str | None = None, *, limit: int = ROW_LIMIT) -> Story:
    """Return what happened to a sample, to what it was made from and to what was made from it.

    Args:
        project: The project.
        sample: A sample id, enough of its beginning to name one, or the address of its original.
        at: A release, a time or a version, see `lakehouse.query.connection.connect`. Retractions and training steps
            are those of today.
        limit: Rows to follow at most.

    Raises:
        QueryError: If no sample or several are named so.
    """
    with connect(project, at) as connection:
        reader = open_samples(project, connection, at)
        full = find_sample(connection, reader, sample, ledger=True)
        walk = Walk(reader, limit)
        walk.start(full)
        ids = sorted({full, *(name for name, _ in walk.nodes)})
        left_out: dict[str, str] = {}
        declared = list(declared_outcomes(connection, ids, left_out))
        quarantined = list(quarantined_outcomes(connection, ids))
        retracted = list(retracted_outcomes(connection, ids))
        if not (walk.nodes or declared or quarantined or retracted):
            raise QueryError(f"there is no sample {full}", "correct the id, or look at another version with --at")
        # What a view names as made of a sample in its table, such as a packed row, is part of the sample's story.
        covered = {other for event in declared for other in event.other if (other, event.table) in walk.nodes}
        below = (walk.below - covered) | {full}
        rows = [*_rows(walk, reader, declared, full)]
        trained = [*_trained(project, sorted(below))]
        events = [*rows, *declared, *quarantined, *retracted, *trained]
        events = _with_runs(connection, events, walk.nodes)
        place = _places(project, reader, events)
    events.sort(key=lambda event: (place[event.table], event.sample_id))
    uri = next((n.uri for (name, _), n in sorted(walk.nodes.items()) if n.uri and name == full), "")
    made = frozenset(below) | {event.sample_id for event in quarantined if not below.isdisjoint(event.other)}
    return Story(full, uri, tuple(events), made - {full}, walk.truncated, left_out)


def _rows(walk: Walk, reader: Samples, declared: Sequence[Event], full: str) -> Iterator[Event]:
    """Yield an event for each row of which no view says more."""
    known = {(event.sample_id, event.table) for event in declared}
    known |= {(other, event.table) for event in declared for other in event.other if other != full}
    tables_of: dict[str, set[str]] = {}
    for sample, table in walk.nodes:
        tables_of.setdefault(sample, set()).add(table)
    parents = walk.parents()
    inputs = {table: reader.inputs(table) for table in {table for _, table in walk.nodes}}
    for (sample, table), node in walk.nodes.items():
        if (sample, table) in known:
            continue
        before = parents.get((sample, table), ())
        kept = not tables_of[sample].isdisjoint(inputs[table])
        outcome = "kept" if kept else "made" if before else "landed"
        yield Event(
            sample,
            table,
            outcome,
            node.version,
            other=before if outcome == "made" else (),
            detail=node.uri if outcome == "landed" else "",
            run_id=node.run_id,
        )


def _trained(project: Project, ids: Sequence[str]) -> Iterator[Event]:
    for row in steps_of_samples(project, ids):
        steps = row["steps"]
        some = ", ".join(map(str, steps[:8])) + (f" and {len(steps) - 8} more" if len(steps) > 8 else "")
        yield Event(
            row["sample_id"],
            ledger.training_steps.name,
            "trained",
            detail=f"{row['training_run']}, {'step' if len(steps) == 1 else 'steps'} {some}",
            details={"training_run": row["training_run"], "release": row["release"], "steps": steps},
        )


def _with_runs(connection: Connection, events: Iterable[Event], nodes: Mapping[tuple[str, str], Any]) -> list[Event]:
    """Add to each event the run, flow and time: of the row where there is one, else of the table's last run."""
    events = [
        replace(event, version=node.version, run_id=event.run_id or node.run_id)
        if (node := nodes.get((event.sample_id, event.table))) is not None
        else event
        for event in events
    ]
    rows = connection.rows(
        'SELECT run_id, flow, "table", version, committed_at FROM ledger.runs '
        'WHERE "table" IN (SELECT unnest($1::VARCHAR[])) ORDER BY version',
        [sorted({event.table for event in events})],
    )
    runs = {(row["run_id"], row["table"]): row for row in rows}
    last: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["version"] <= connection.versions.get(row["table"], row["version"]):
            last[row["table"]] = row

    def with_run(event: Event) -> Event:
        row = runs.get((event.run_id, event.table)) if event.run_id else last.get(event.table)
        if row is None:
            return event
        version = event.version if event.version is not None else connection.versions.get(event.table)
        at = event.at or time_text(row["committed_at"])
        return replace(event, version=version, flow=row["flow"], run_id=row["run_id"], at=at)

    return list(map(with_run, events))


def _places(project: Project, reader: Samples, events: Iterable[Event]) -> dict[str, int]:
    """Return the place of each table on the way."""
    names = {event.table for event in events}
    unwritten = [name for name in names & reader.versions.keys() if name not in project.registry.writers]
    return order_tables(project.registry, {name: reader.inputs(name) for name in unwritten}, names)
