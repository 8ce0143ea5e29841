"""The graph of flows: what each is made from and what is made from it, in an order that runs parents first."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from lakehouse.declare.registry import Registry
from lakehouse.errors import GraphError


@dataclass(frozen=True)
class Graph:
    """Flows in the order of their data.

    Args:
        registry: What is declared.
    """

    registry: Registry

    @functools.cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """Ids of the flows that write a flow's inputs, by flow id."""
        inputs, writers = self.registry.inputs, self.registry.writers
        return {
            spec.id: tuple(sorted({writers[name].id for name in inputs(spec) if name in writers}))
            for spec in self.registry.flows.values()
        }

    @functools.cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """Ids of the flows that read what a flow writes, by flow id."""
        children: dict[str, list[str]] = {key: [] for key in self.parents}
        for child, parents in self.parents.items():
            for parent in parents:
                children[parent].append(child)
        return {key: tuple(value) for key, value in children.items()}

    @functools.cached_property
    def order(self) -> tuple[str, ...]:
        """Flow ids, parents first; ties by name, so that the order is always the same.

        Raises:
            GraphError: If flows form a cycle.
        """
        sorter = TopologicalSorter({key: sorted(value) for key, value in sorted(self.parents.items())})
        try:
            sorter.prepare()
        except CycleError as error:
            cycle = " -> ".join(f"{name} ({self.registry.flows[name].place})" for name in error.args[1])
            raise GraphError(f"flows depend on each other: {cycle}", "let one of them read another table") from None
        done: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            done.extend(ready)
            sorter.done(*ready)
        return tuple(done)

    def upstream(self, ids: Iterable[str], steps: int | None = None) -> set[str]:
        """Return the flows and all that they are made from, up to a number of steps before them."""
        return _reached(ids, self.parents, steps)

    def downstream(self, ids: Iterable[str], steps: int | None = None) -> set[str]:
        """Return the flows and all that is made from them, up to a number of steps after them."""
        return _reached(ids, self.children, steps)


def _reached(ids: Iterable[str], edges: dict[str, tuple[str, ...]], steps: int | None) -> set[str]:
    reached = set(ids)
    frontier = set(reached)
    while frontier and steps != 0:
        frontier = {name for flow in frontier for name in edges[flow]} - reached
        reached |= frontier
        steps = None if steps is None else steps - 1
    return reached
