"""Everything that can be reached: tables from the tables that they were made from, or the other way."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable


def transitive_closure[T: Hashable](start: Iterable[T], neighbours: Callable[[T], Iterable[T]]) -> set[T]:
    """Return some nodes and all that can be reached from them; `neighbours` is called once per node.

    >>> sorted(transitive_closure(["c"], lambda name: {"c": ["b"], "b": ["a", "c"]}.get(name, [])))
    ['a', 'b', 'c']
    """
    reached = set(start)
    waiting = list(reached)
    while waiting:
        new = set(neighbours(waiting.pop())) - reached
        reached |= new
        waiting.extend(new)
    return reached
