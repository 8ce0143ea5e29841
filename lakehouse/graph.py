"""The graph of flows, and selecting a part of it.

A selection is a list of words; the result is the union of what they select:

==================  ==========================================================================
``gold.mixture``    the flow that writes the table; a flow's id, or globs of both, do as well
``+gold.mixture``   it and all that it is made from
``gold.mixture+``   it and all that is made from it
``tag:text``        flows that carry the tag
``stale``           flows that are missing or stale
``a,b``             what both select
``~a``              taken out of what the other words select
==================  ==========================================================================
"""

from __future__ import annotations

import difflib
import fnmatch
import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from lakehouse.errors import GraphError, UsageError
from lakehouse.flow import Flow
from lakehouse.registry import Registry


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
        writers = self.registry.writers
        return {
            spec.id: tuple(sorted({writers[name].id for name in self.inputs(spec) if name in writers}))
            for spec in self.registry.flows.values()
        }

    @functools.cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """Ids of the flows that read what a flow writes, by flow id."""
        found: dict[str, list[str]] = {key: [] for key in self.parents}
        for child, parents in self.parents.items():
            for parent in parents:
                found[parent].append(child)
        return {key: tuple(value) for key, value in found.items()}

    @functools.cached_property
    def order(self) -> tuple[str, ...]:
        """Flow ids, parents first; ties by name, so that the order is always the same.

        Raises:
            GraphError: If flows depend on each other in a circle.
        """
        sorter = TopologicalSorter({key: sorted(value) for key, value in sorted(self.parents.items())})
        try:
            sorter.prepare()
        except CycleError as error:
            circle = error.args[1]
            told = " -> ".join(f"{name} ({self.registry.flows[name].place})" for name in circle)
            raise GraphError(
                f"flows depend on each other: {told}",
                "let one of them read another table",
            ) from None
        done: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            done.extend(ready)
            sorter.done(*ready)
        return tuple(done)

    def inputs(self, spec: Flow) -> tuple[str, ...]:
        """Return the names of all tables that a flow reads, sorted."""
        return tuple(sorted({t.name for item in spec.reads.values() for t in self.registry.sources(item)}))

    def upstream(self, ids: Iterable[str]) -> set[str]:
        """Return the flows and all that they are made from."""
        return _closure(ids, self.parents)

    def downstream(self, ids: Iterable[str]) -> set[str]:
        """Return the flows and all that is made from them."""
        return _closure(ids, self.children)

    def select(self, words: Sequence[str], stale: Callable[[], set[str]] | None = None) -> tuple[str, ...]:
        """Return the selected flow ids in order; no word selects all.

        Args:
            words: See the module's text.
            stale: Called for the word ``stale``.

        Raises:
            UsageError: If a word selects nothing.
        """
        chosen: set[str] = set()
        dropped: set[str] = set()
        for word in words:
            if word.startswith("~"):
                dropped |= self._word(word[1:], stale)
            else:
                chosen |= self._word(word, stale)
        if not any(not word.startswith("~") for word in words):
            chosen = set(self.order)
        return tuple(name for name in self.order if name in chosen - dropped)

    def _word(self, word: str, stale: Callable[[], set[str]] | None) -> set[str]:
        found = functools.reduce(set.intersection, (self._term(term, stale) for term in word.split(",")))
        return set(found)

    def _term(self, term: str, stale: Callable[[], set[str]] | None) -> set[str]:
        bare = term.removeprefix("+").removesuffix("+")
        if bare == "stale" and stale is not None:
            found = stale()
        elif bare.startswith("tag:"):
            found = {spec.id for spec in self.registry.flows.values() if bare[4:] in spec.tags}
            if not found:
                tags = sorted({tag for spec in self.registry.flows.values() for tag in spec.tags})
                raise UsageError(f"no flow carries the tag {bare[4:]!r}", f"tags are {', '.join(tags) or 'none'}")
        else:
            found = {
                spec.id
                for spec in self.registry.flows.values()
                if any(fnmatch.fnmatchcase(name, bare) for name in (spec.id, spec.writes.name))
            }
            if not found:
                self._unknown(bare)
        if term.startswith("+"):
            found = self.upstream(found)
        return found | (self.downstream(found) if term.endswith("+") else set())

    def _unknown(self, bare: str) -> None:
        names = [name for spec in self.registry.flows.values() for name in (spec.writes.name, spec.id)]
        near = difflib.get_close_matches(bare, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see mixlake plan for all flows"
        raise UsageError(f"{bare!r} selects no flow", hint)


def _closure(ids: Iterable[str], edges: dict[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    todo = list(ids)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(edges[name])
    return found
