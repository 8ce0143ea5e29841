"""Execute one flow: read, call, conform, refuse retracted rows, check, compare with the table, commit, read back.

The steps are functions over one frozen `FlowExecution`; each returns a value, and the commit note is built once from
these values.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from lakehouse.delta import append
from lakehouse.delta.commit_note import CommitNote, NotedVersion
from lakehouse.engine import CheckedRows, Engine, FlowOutput, Write
from lakehouse.errors import MixlakeError
from lakehouse.execute.call_flow import call_flow
from lakehouse.execute.checks import refuse_duplicate_keys, refuse_foreign_rows, refuse_rejected_rows
from lakehouse.execute.flow_execution import FlowExecution, Phases
from lakehouse.execute.flow_note import Quarantined, attempt_name, commit_note
from lakehouse.execute.read_back import verify_commit
from lakehouse.execute.target import inspect_target
from lakehouse.execute.write_plan import plan_write
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project


def execute_flow(
    engine: Engine, project: Project, flow_plan: FlowPlan, run_id: str, *, migrate: bool = False
) -> NotedVersion:
    """Run one flow and commit it.

    Args:
        engine: Computes and commits its rows.
        project: The project.
        flow_plan: The flow as planned, with the input versions to read.
        run_id: The run.
        migrate: Whether a table that its contract no longer fits is written anew.

    Returns:
        The committed version and its note.

    Raises:
        MixlakeError: If the flow or its rows are at fault, another run came first, or other rows are read back.
    """
    started, started_monotonic = datetime.now(UTC).isoformat(), time.monotonic()
    with engine.begin(flow_plan.flow, run_id) as session:
        try:
            target = inspect_target(project.catalog, flow_plan, migrate=migrate)
            execution = FlowExecution(
                session, project, flow_plan, run_id, target, started, started_monotonic, engine.name, engine.reason
            )
            output = call_flow(execution)
            checked = _check(execution, output)
            phases = Phases(function=checked.function_seconds, rows=execution.elapsed())
            quarantined = _quarantine(execution, output, checked)
            plan = plan_write(execution, output, checked)
            phases = phases.with_difference(execution.elapsed())
            note = commit_note(execution, checked, quarantined, plan, phases)
            version = _commit(execution, plan.write, note)
            verify_commit(execution, plan, version)
        except MixlakeError:
            raise
        except Exception as error:
            raise session.translate(error) from error
        return NotedVersion(version, note)


def _check(execution: FlowExecution, output: FlowOutput) -> CheckedRows:
    """Compute a flow's rows, and refuse them where too many are rejected, of other origins, or two of one key."""
    checked = execution.session.check(output.rows, execution.flow_plan.retractions)
    refuse_rejected_rows(execution, checked)
    refuse_foreign_rows(execution, checked)
    refuse_duplicate_keys(execution, checked)
    return checked


def _quarantine(execution: FlowExecution, output: FlowOutput, checked: CheckedRows) -> Quarantined:
    """Append rejected rows to quarantine, before the commit whose note names them."""
    attempt = attempt_name(execution, full=output.full)
    earlier = not output.full and execution.had_quarantined
    appended = execution.session.quarantine(output, checked, attempt, mark=earlier)
    return Quarantined(attempt if appended else "", bool(checked.reasons) or earlier)


def _commit(execution: FlowExecution, write: Write, note: CommitNote) -> int:
    table, target = execution.flow_plan.flow.writes, execution.target
    # Before: the table's statistics may name columns that go; after: the contract's may name columns that come.
    if not target.fits_contract:
        append.set_properties(execution.project.catalog, table)
    version = execution.session.commit(write, note, target.transaction)
    if not target.fits_contract:
        append.set_properties(execution.project.catalog, table)
    return version
