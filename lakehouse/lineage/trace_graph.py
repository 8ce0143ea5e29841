"""Nodes and edges of a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """One row of a trace.

    Args:
        id: Its sample id; for a training step ``RUN#STEP``.
        table: The table that holds it.
        version: The version at which the table was read.
        run_id: The run that wrote it, empty where the table does not say.
        source: Its source, empty where the table does not say.
        license: Its licence, empty where the table does not say.
        uri: The address of its original, empty where the table does not say.
    """

    id: str
    table: str
    version: int
    run_id: str = ""
    source: str = ""
    license: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One row was made from another; both ids are equal along a one-to-one step."""

    parent: str
    parent_table: str
    child: str
    child_table: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A row's way up to its source and down to the training steps.

    Args:
        id: The sample that was traced.
        nodes: The rows, sorted by table.
        edges: What was made from what.
        runs: The runs that wrote the rows: run_id to flow, table, code and input versions.
        truncated: Whether there are more rows than the limit.
        outcomes: What became of the samples, as `lakehouse.lineage.story.Event.as_dict` gives it.
    """

    id: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    runs: Sequence[Mapping[str, Any]] = ()
    truncated: bool = False
    outcomes: Sequence[Mapping[str, Any]] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake trace --json`` prints."""
        return {
            "id": self.id,
            "nodes": [{name: getattr(node, name) for name in Node.__slots__} for node in self.nodes],
            "edges": [{name: getattr(edge, name) for name in Edge.__slots__} for edge in self.edges],
            "runs": [dict(run) for run in self.runs],
            "truncated": self.truncated,
            "outcomes": [dict(outcome) for outcome in self.outcomes],
        }
