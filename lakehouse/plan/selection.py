"""Select flows of a graph, in dbt's selection syntax.

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

The signs may be added to any of the first three, on both sides too (``1+tag:text+``).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence

from lakehouse.errors import UsageError, did_you_mean
from lakehouse.plan.graph import Graph

StaleFlows = Callable[[], set[str]]

_TERM = re.compile(r"^(?P<around>@)?(?P<before>\d*\+)?(?P<bare>[^+]+)(?P<after>\+\d*)?$")


def select_flows(graph: Graph, words: Sequence[str], stale: StaleFlows | None = None) -> tuple[str, ...]:
    """Return the ids of the selected flows in the graph's order; no word selects all.

    Args:
        graph: The flows.
        words: See the module's text.
        stale: Returns the ids of the flows that are not fresh; called only for the word ``stale``.

    Raises:
        UsageError: If a word selects nothing.
    """
    selected: set[str] = set()
    excluded: set[str] = set()
    for word in words:
        names = set.intersection(*(_term(graph, word, term, stale) for term in word.removeprefix("~").split(",")))
        if word.startswith("~"):
            excluded |= names
        else:
            selected |= names
    if all(word.startswith("~") for word in words):
        selected = set(graph.order)
    return tuple(name for name in graph.order if name in selected - excluded)


def _term(graph: Graph, word: str, term: str, stale: StaleFlows | None) -> set[str]:
    """Return the flows of one part of a word: a name, a pattern or a tag, with its marks."""
    parts = _TERM.match(term)
    if parts is None or (parts["around"] and (parts["before"] or parts["after"])):
        part = f"{term!r} in " if term and term != word else ""
        raise UsageError(f"{part}{word!r} is not a selection", "see mixlake plan --help for what may be selected")
    flows = _named(graph, parts["bare"], stale)
    if parts["around"]:
        return graph.upstream(graph.downstream(flows))
    before = graph.upstream(flows, _steps(parts["before"])) if parts["before"] else flows
    after = graph.downstream(flows, _steps(parts["after"])) if parts["after"] else flows
    return before | after


def _named(graph: Graph, name: str, stale: StaleFlows | None) -> set[str]:
    if name == "stale" and stale is not None:
        return stale()
    specs = graph.registry.flows.values()
    if name.startswith("tag:"):
        flows = {spec.id for spec in specs if name[4:] in spec.tags}
        if not flows:
            tags = sorted({tag for spec in specs for tag in spec.tags})
            raise UsageError(f"no flow carries the tag {name[4:]!r}", f"tags are {', '.join(tags) or 'none'}")
        return flows
    flows = {spec.id for spec in specs if any(fnmatch.fnmatchcase(n, name) for n in (spec.id, spec.writes.name))}
    if not flows:
        known = [n for spec in specs for n in (spec.writes.name, spec.id)]
        near = did_you_mean(name, known, n=3, cutoff=0.5)
        raise UsageError(f"{name!r} selects no flow", near or "mixlake plan --all lists all flows")
    return flows


def _steps(mark: str) -> int | None:
    """Return the number in a mark such as ``2+``, None where it has none."""
    number = mark.strip("+")
    return int(number) if number else None
