"""Trace a row up to its source and down to the training steps that saw it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lakehouse.declare.table_order import order_tables
from lakehouse.errors import QueryError
from lakehouse.lineage.find_sample import find_sample
from lakehouse.lineage.outcomes import outcomes_of
from lakehouse.lineage.scan_reader import open_samples
from lakehouse.lineage.trace_graph import Node, Trace
from lakehouse.lineage.training_steps import sequences_and_steps
from lakehouse.lineage.walk import Walk
from lakehouse.project import Project
from lakehouse.query.connection import Connection, connect

NODE_LIMIT = 10_000


def trace(project: Project, sample: str, at: str | None = None, *, limit: int = NODE_LIMIT) -> Trace:
    """Follow a sample up over ``parent_ids`` to what was landed, and down to sequences and training steps.

    At the latest versions this takes a few lookups in ``ledger.edges``, where it is up to date; else, and at other
    versions, each step reads the lineage columns of all tables.

    Args:
        project: The project.
        sample: A sample id, enough of its beginning to name one sample, or the address of its original.
        at: A release, a time or a version, see `lakehouse.query.connection.connect`.
        limit: Rows at most, training steps among them.

    Raises:
        QueryError: If no sample or several are named so.
    """
    with connect(project, at) as connection:
        reader = open_samples(project, connection, at)
        full = find_sample(connection, reader, sample, ledger=True)
        walk = Walk(reader, limit)
        walk.start(full)
        ids = sorted({full, *(name for name, _ in walk.nodes)})
        outcomes = list(outcomes_of(connection, ids))
        if not walk.nodes and not outcomes:
            raise QueryError(f"there is no sample {full}", "correct the id, or look at another version with --at")
        for node, parents in sequences_and_steps(project, walk.below):
            walk.add_sighting(node, parents)
        read = sorted({table for _, table in walk.nodes} & reader.versions.keys())
        inputs = {table: reader.inputs(table) for table in read}
        names = {*(table for _, table in walk.nodes), *(event.table for event in outcomes)}
        place = order_tables(project.registry, inputs, names)
        nodes = sorted(walk.nodes.values(), key=lambda node: (place[node.table], node.id))
        outcomes.sort(key=lambda event: (place[event.table], event.sample_id))
        edges = sorted(set(walk.edges(inputs)), key=lambda edge: (place[edge.child_table], edge))
        runs = _runs(connection, nodes)
        return Trace(full, tuple(nodes), tuple(edges), runs, walk.truncated, tuple(e.as_dict() for e in outcomes))


def _runs(connection: Connection, nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """Return the entries of ``ledger.runs`` for the commits that wrote some rows."""
    wanted = {(node.run_id, node.table) for node in nodes if node.run_id}
    rows = connection.rows(
        """
        SELECT run_id, flow, "table", version, committed_at, code, inputs FROM ledger.runs
        WHERE run_id IN (SELECT unnest($1::VARCHAR[])) ORDER BY committed_at, "table"
        """,
        [sorted({run_id for run_id, _ in wanted})],
    )
    return [row for row in rows if (row["run_id"], row["table"]) in wanted]
