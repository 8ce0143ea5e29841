"""The graph of flows, and selecting a part of it, in the words that dbt's users know.

A selection is a list of words; the result is the union of what they select:

===================  ==========================================================================
``gold.mixture``     the flow that writes the table; a flow's id, or globs of both, do as well
``tag:text``         flows that carry the tag
``stale``            flows that are missing or stale
``+gold.mixture``    it and all that it is made from; ``2+gold.mixture``: up to two steps before it
``gold.mixture+``    it and all that is made from it; ``gold.mixture+2``: up to two steps after it
``@gold.mixture``    it, all that is made from it, and all that these are made from
``a,b``              what both select
``~a``               taken out of what the other words select; of all where there are no others
===================  ==========================================================================

The marks stand around any of the first three, on both sides too (``1+tag:text+``).
"""

from __future__ import annotations

import difflib
import fnmatch
import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from lakehouse.declare.flow import Flow
from lakehouse.declare.registry import Registry
from lakehouse.errors import GraphError, UsageError

_TERM = re.compile(r"^(?P<around>@)?(?P<before>\d*\+)?(?P<bare>[^+]+)(?P<after>\+\d*)?$")


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

    def upstream(self, ids: Iterable[str], steps: int | None = None) -> set[str]:
        """Return the flows and all that they are made from, up to a number of steps before them."""
        return _reached(ids, self.parents, steps)

    def downstream(self, ids: Iterable[str], steps: int | None = None) -> set[str]:
        """Return the flows and all that is made from them, up to a number of steps after them."""
        return _reached(ids, self.children, steps)

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
        parts = _TERM.match(term)
        if parts is None or (parts["around"] and (parts["before"] or parts["after"])):
            raise UsageError(f"{term!r} is no selection", "see mixlake plan --help for what may be selected")
        found = self._bare(parts["bare"], stale)
        if parts["around"]:
            return self.upstream(self.downstream(found))
        chosen = set(found)
        if parts["before"]:
            chosen |= self.upstream(found, _steps(parts["before"]))
        if parts["after"]:
            chosen |= self.downstream(found, _steps(parts["after"]))
        return chosen

    def _bare(self, bare: str, stale: Callable[[], set[str]] | None) -> set[str]:
        if bare == "stale" and stale is not None:
            return stale()
        if bare.startswith("tag:"):
            found = {spec.id for spec in self.registry.flows.values() if bare[4:] in spec.tags}
            if not found:
                tags = sorted({tag for spec in self.registry.flows.values() for tag in spec.tags})
                raise UsageError(f"no flow carries the tag {bare[4:]!r}", f"tags are {', '.join(tags) or 'none'}")
            return found
        found = {
            spec.id
            for spec in self.registry.flows.values()
            if any(fnmatch.fnmatchcase(name, bare) for name in (spec.id, spec.writes.name))
        }
        if not found:
            self._unknown(bare)
        return found

    def _unknown(self, bare: str) -> None:
        names = [name for spec in self.registry.flows.values() for name in (spec.writes.name, spec.id)]
        near = difflib.get_close_matches(bare, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "mixlake plan --all lists all flows"
        raise UsageError(f"{bare!r} selects no flow", hint)


def _steps(mark: str) -> int | None:
    """Return the number in a mark such as ``2+``, None where it has none."""
    number = mark.strip("+")
    return int(number) if number else None


def _reached(ids: Iterable[str], edges: dict[str, tuple[str, ...]], steps: int | None) -> set[str]:
    found = set(ids)
    rim = set(found)
    while rim and steps != 0:
        rim = {name for here in rim for name in edges[here]} - found
        found |= rim
        steps = None if steps is None else steps - 1
    return found
