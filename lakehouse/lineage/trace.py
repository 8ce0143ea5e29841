"""Trace a row up to its source and down to the training steps that saw it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lakehouse.errors import QueryError
from lakehouse.lineage.reader import DETAILS, SAMPLE_ID, Samples
from lakehouse.lineage.scan_reader import open_samples
from lakehouse.lineage.trace_graph import Edge, Node, Trace
from lakehouse.lineage.training_steps import sequences_and_steps
from lakehouse.project import Project
from lakehouse.query.connection import Connection, connect

NODE_LIMIT = 10_000

_ID = re.compile(r"^[0-9A-Za-z._:-]{4,200}$")


def trace(project: Project, sample: str, at: str | None = None, *, limit: int = NODE_LIMIT) -> Trace:
    """Follow a sample up over ``parent_ids`` to what was landed, and down to sequences and training steps.

    At the latest versions this takes a few lookups in ``ledger.edges``, where it is up to date; else, and at other
    versions, each step reads the lineage columns of all tables.

    Args:
        project: The project.
        sample: A sample id, or enough of its beginning to name one sample.
        at: A release, a time or a version, see `lakehouse.query.connection.connect`.
        limit: Rows at most, training steps among them.

    Raises:
        QueryError: If no sample or several begin so.
    """
    if not _ID.match(sample):
        raise QueryError(f"{sample!r} is not a sample id", "give at least four of its 32 hex digits")

    with connect(project, at) as connection:
        reader = open_samples(project, connection, at)
        full = sample if re.fullmatch(SAMPLE_ID, sample) else reader.resolve(sample)
        walk = _Walk(reader, limit)
        walk.start(full)
        if not walk.nodes:
            raise QueryError(f"there is no sample {full}", "correct the id, or look at another version with --at")
        for node, parents in sequences_and_steps(project, walk.below):
            walk.add_sighting(node, parents)
        nodes = sorted(walk.nodes.values(), key=lambda node: (node.table, node.id))
        read = sorted({node.table for node in nodes} & reader.versions.keys())
        edges = set(walk.edges({table: reader.inputs(table) for table in read}))
        return Trace(full, tuple(nodes), tuple(sorted(edges)), _runs(connection, nodes), walk.truncated)


class _Walk:
    """Breadth first, both ways at once: each round reads the lineage columns once."""

    def __init__(self, reader: Samples, limit: int) -> None:
        self.reader = reader
        self.limit = limit
        self.nodes: dict[tuple[str, str], Node] = {}
        self.truncated = False
        self.below: set[str] = set()
        self._parents: dict[tuple[str, str], tuple[str, ...]] = {}

    def start(self, sample: str) -> None:
        above, below = {sample}, {sample}
        new_above, new_below = {sample}, {sample}
        while new_above or new_below:
            rows = self.reader.read(new_above | new_below, new_below, self.limit + 1)
            up: set[str] = set()
            down: set[str] = set()
            self.truncated = len(rows) > self.limit or self.reader.truncated
            for row in rows:
                if len(self.nodes) >= self.limit and (row["sample_id"], row["table"]) not in self.nodes:
                    self.truncated = True
                    break
                self.add_row(row)
                parents = set(row["parent_ids"] or ())
                if row["sample_id"] in above:
                    up |= parents - above
                if row["sample_id"] not in below and parents & below:
                    down.add(row["sample_id"])
            above |= up
            below |= down
            new_above, new_below = up, down
            if self.truncated:
                break
        self.below = below

    def edges(self, inputs: Mapping[str, frozenset[str]]) -> Iterable[Edge]:
        tables_of: dict[str, list[str]] = {}
        for sample, table in sorted(self.nodes):
            tables_of.setdefault(sample, []).append(table)
        for (sample, table), parents in self._parents.items():
            made_from = inputs.get(table, frozenset())
            before = [other for other in tables_of[sample] if other in made_from]
            if before:  # a one-to-one step carries the parents of its input along
                yield from (Edge(sample, other, sample, table) for other in before)
                continue
            for parent in parents:
                others = [other for other in tables_of.get(parent, ()) if (parent, other) != (sample, table)]
                near = [other for other in others if other in made_from]
                # Of a trace that was cut, what a row was made from may be what is missing.
                if not near and not (self.truncated and made_from):
                    near = others[:1]
                yield from (Edge(parent, other, sample, table) for other in near)

    def add_row(self, row: Mapping[str, Any]) -> None:
        table = row["table"]
        details = [row[name] or "" for name in DETAILS]
        node = Node(row["sample_id"], table, self.reader.versions[table], *details)
        key = (node.id, node.table)
        self.nodes[key] = min(self.nodes.get(key, node), node)  # whatever the order in which rows come
        self.add(node, row["parent_ids"] or ())

    def add_sighting(self, node: Node, parents: Iterable[str]) -> None:
        if len(self.nodes) >= self.limit and (node.id, node.table) not in self.nodes:
            self.truncated = True
        else:
            self.add(node, parents)

    def add(self, node: Node, parents: Iterable[str]) -> None:
        key = (node.id, node.table)
        self.nodes.setdefault(key, node)
        self._parents[key] = tuple(dict.fromkeys((*self._parents.get(key, ()), *parents)))


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
