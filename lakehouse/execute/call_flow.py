"""Call a flow's function: over the changes of its driving input where that is enough, else over whole inputs."""

from __future__ import annotations

import logging

from lakehouse.delta.change_feed import has_feed
from lakehouse.engine import Call, Changes, FlowOutput
from lakehouse.execute.flow_execution import FlowExecution
from lakehouse.plan.refresh import full_reason

log = logging.getLogger("mixlake.execute")


def call_flow(execution: FlowExecution) -> FlowOutput:
    """Call the flow's function with its inputs."""
    flow_plan, target = execution.flow_plan, execution.target
    rows_can_go = not target.replace_whole and target.digest.comparable
    if rows_can_go and {cause.kind for cause in flow_plan.causes} == {"retraction"}:
        # Rows are only deleted: the function has nothing to add.
        return FlowOutput(execution.session.no_rows(), full=False)
    changes = None if target.replace_whole else _changes(execution)
    stored_version = -1 if target.lost_files else target.version
    return execution.session.apply(Call(flow_plan.params, flow_plan.inputs, stored_version, changes))


def _changes(execution: FlowExecution) -> Changes | None:
    """Return the changes of the driving input where nothing else changed since the last commit."""
    flow_plan, project = execution.flow_plan, execution.project
    if flow_plan.last is None or full_reason(project, flow_plan):
        return None
    flow, before = flow_plan.flow, flow_plan.last.note.inputs
    for table in sorted(table.name for table in project.registry.sources(flow.reads[flow.driving])):
        first, last = before.get(table, -1) + 1, flow_plan.inputs[table]
        if first <= last and not has_feed(project.catalog.log(table).store, first, last):
            log.info("%s starts over: the changes of %s since version %s were vacuumed", flow.id, table, first)
            return None
    return execution.session.changes(before, flow_plan.inputs, retry=flow_plan.has_cause("quarantine_retry"))
