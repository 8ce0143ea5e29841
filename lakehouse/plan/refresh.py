"""Decide whether a flow processes only the changes of its driving input or all rows, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lakehouse.delta.content_digest import Digest
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project

# Causes that leave the table's current rows valid: the changes of the driving input are enough.
_INCREMENTAL = {"input", "upstream", "retraction", "quarantine_retry"}
_FULL_REASONS = {
    "missing": "its table was never written",
    "external_write": "something else changed rows of its table",
    "unreadable": "a table cannot be read",
    "input_replaced": "an input is another table than before",
    "code": "its code changed",
    "params": "its parameters changed",
    "contract": "the contract of its table changed",
    "model": "a model changed",
    "source_changed": "the sources changed",
    "forced": "--full was given",
}


@dataclass(frozen=True, slots=True)
class Refresh:
    """Which rows the next run of a flow processes.

    Args:
        mode: incremental, full, or none where it is fresh.
        reason: Why it processes all rows; empty where it does not.
        changes: First and last version of each driving table whose changes are processed.
    """

    mode: Literal["incremental", "full", "none"]
    reason: str = ""
    changes: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def refresh_of(project: Project, item: FlowPlan) -> Refresh:
    """Decide which rows the next run of a flow processes.

    Args:
        project: The project.
        item: The flow as planned.
    """
    if item.state == "fresh":
        return Refresh("none")
    reason = full_reason(project, item)
    if reason or item.last is None:
        return Refresh("full", reason)
    if not item.flow.writes.key:
        return Refresh("full", "its table has no key, so that its rows are replaced as a whole")
    before = item.last.note.inputs
    driving = [table.name for table in project.registry.sources(item.flow.reads[item.flow.driving])]
    ranges = {name: (before.get(name, -1) + 1, item.inputs[name]) for name in driving}
    return Refresh("incremental", changes={name: ends for name, ends in ranges.items() if ends[0] <= ends[1]})


def full_reason(project: Project, item: FlowPlan) -> str:
    """Return why a flow must process all rows, empty where the changes of its driving input are enough."""
    flow = item.flow
    if item.last is None:
        return _FULL_REASONS["missing"]
    if not flow.incremental:
        return "a SQL flow reads its inputs in full" if flow.kind == "sql" else "it declares refresh='full'"
    driving = {table.name for table in project.registry.sources(flow.reads[flow.driving])}
    for cause in item.causes:
        if cause.kind not in _INCREMENTAL:
            return _FULL_REASONS[cause.kind]
        if cause.kind == "input" and cause.table not in driving:
            return f"{cause.table} changed, which is not its driving input"
    if not Digest.parse(item.last.note.digest).comparable:
        return "the content digest of its table is of an older form"
    return ""
