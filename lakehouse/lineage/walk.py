"""Follow a sample up to what was landed and down to what was made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lakehouse.lineage.reader import DETAILS, Samples
from lakehouse.lineage.trace_graph import Edge, Node


class Walk:
    """Breadth first, both ways at once: each round reads the lineage columns once.

    Args:
        reader: Reads them.
        limit: Rows at most.
    """

    def __init__(self, reader: Samples, limit: int) -> None:
        self.reader = reader
        self.limit = limit
        self.nodes: dict[tuple[str, str], Node] = {}
        self.truncated = False
        self.below: set[str] = set()
        self._parents: dict[tuple[str, str], tuple[str, ...]] = {}

    def start(self, sample: str) -> None:
        """Follow a sample."""
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
                self._add_row(row)
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
        """Yield what was made from what, by the inputs of each table."""
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

    def _add_row(self, row: Mapping[str, Any]) -> None:
        table = row["table"]
        details = [row[name] or "" for name in DETAILS]
        node = Node(row["sample_id"], table, self.reader.versions[table], *details)
        key = (node.id, node.table)
        self.nodes[key] = min(self.nodes.get(key, node), node)  # whatever the order in which rows come
        self._add(node, row["parent_ids"] or ())

    def add_sighting(self, node: Node, parents: Iterable[str]) -> None:
        """Add a row from elsewhere, up to the limit."""
        if len(self.nodes) >= self.limit and (node.id, node.table) not in self.nodes:
            self.truncated = True
        else:
            self._add(node, parents)

    def _add(self, node: Node, parents: Iterable[str]) -> None:
        key = (node.id, node.table)
        self.nodes.setdefault(key, node)
        self._parents[key] = tuple(dict.fromkeys((*self._parents.get(key, ()), *parents)))

    def parents(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """Return what each row was made from, by sample and table."""
        return self._parents
