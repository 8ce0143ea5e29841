"""How a flow would run: over the changes of its driving input alone, or over all rows, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping


# Causes that leave the rows right which are held: the changes of the driving input are enough.
_CONTINUES = {"input", "upstream", "retraction", "retry"}
_BECAUSE = {
    "missing": "its table was never written",
    "foreign": "something else changed rows of its table",
    "replaced": "an input is another table than before",
    "code": "its code changed",
    "params": "its parameters changed",
    "contract": "the contract of its table changed",
    "model": "a model changed",
    "external": "the sources changed",
    "forced": "it is told to start over",
}


@dataclass(frozen=True, slots=True)
class Refresh:
    """How a flow would run now.

    Args:
        mode: incremental, full, or none where it is fresh.
        because: Why it processes all rows; empty where it does not.
        changes: First and last version of each driving table whose changes are processed.
    """

    mode: Literal["incremental", "full", "none"]
    because: str = ""
    changes: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def refresh_of(project: Project, item: FlowPlan) -> Refresh:
    """Return how a flow would run.

    Args:
        project: The project.
        item: The flow as planned.
    """
    if item.state == "fresh":
        return Refresh("none")
    because = why_whole(project, item)
    if because or item.last is None:
        return Refresh("full", because)
    if not item.flow.writes.key:
        return Refresh("full", "its table has no key, so that its rows are replaced as a whole")
    before = item.last[1].inputs
    driving = [table.name for table in project.registry.sources(item.flow.reads[item.flow.driving])]
    spans = {name: (before.get(name, -1) + 1, item.inputs[name]) for name in driving}
    return Refresh("incremental", changes={name: span for name, span in spans.items() if span[0] <= span[1]})


def why_whole(project: Project, item: FlowPlan) -> str:
    """Return why a flow cannot do with the changes of its driving input, empty where it can."""
    flow = item.flow
    if item.last is None:
        return _BECAUSE["missing"]
    if not flow.incremental:
        return "a SQL flow reads its inputs whole" if flow.kind == "sql" else "it declares refresh='full'"
    driving = {table.name for table in project.registry.sources(flow.reads[flow.driving])}
    for cause in item.causes:
        if cause.kind not in _CONTINUES:
            return _BECAUSE[cause.kind]
        name = cause.detail.split(" ", 1)[0]
        if cause.kind == "input" and name not in driving:
            return f"{name} changed, which is not the input that drives it"
    return ""
