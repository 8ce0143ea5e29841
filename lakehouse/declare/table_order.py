"""The order of the way: a table comes after those that it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from lakehouse.declare.contract import is_ledger
from lakehouse.declare.registry import Registry


def order_tables(registry: Registry, inputs: Mapping[str, Iterable[str]], names: Iterable[str]) -> dict[str, int]:
    """Return the place of each table on the way, from 0; of tables that are as far, the lesser name is first.

    Args:
        registry: What is declared, whose flows say what is made from what.
        inputs: What tables were made from by their commit notes, for those that no declared flow writes.
        names: Further tables to order.
    """
    made_from = {name: set(registry.inputs(spec)) for name, spec in registry.writers.items()}
    noted = {name: set(read) for name, read in inputs.items() if name not in made_from}
    every = {*names, *made_from, *noted}
    try:
        levels = _levels({**made_from, **noted}, every)
    except CycleError:
        levels = _levels(made_from, every)
    # The ledger records what happened to the others.
    ranked = sorted(levels, key=lambda name: (is_ledger(name), levels[name], name))
    return {name: place for place, name in enumerate(ranked)}


def _levels(made_from: Mapping[str, set[str]], names: Iterable[str]) -> dict[str, int]:
    """Return the most steps from a table that is made from none; raises `CycleError`."""
    graph = {name: made_from.get(name, set()) - {name} for name in names}
    levels: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        levels[name] = 1 + max((levels[other] for other in graph.get(name, ())), default=-1)
    return levels
