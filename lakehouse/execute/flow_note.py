"""Build the commit note of an execution, once, from what its steps returned."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from lakehouse.delta.commit_note import CommitNote
from lakehouse.engine import CheckedRows
from lakehouse.execute.flow_execution import FlowExecution, Phases
from lakehouse.execute.write_plan import WritePlan


@dataclass(frozen=True, slots=True)
class Quarantined:
    """What an execution quarantined.

    Args:
        attempt: The attempt under which rows were appended, empty where there was none.
        remaining: Whether rows of this or an earlier commit, back to the last full one, are quarantined.
    """

    attempt: str
    remaining: bool


def commit_note(
    execution: FlowExecution, checked: CheckedRows, quarantined: Quarantined, plan: WritePlan, phases: Phases
) -> CommitNote:
    """Return the note that is committed with the rows."""
    flow_plan, fingerprints = execution.flow_plan, execution.flow_plan.fingerprints
    counts = {
        **plan.counts,
        "read": checked.read,
        "quarantined": checked.rejected,
        "returned": checked.digest.rows + checked.rejected,
    }
    return CommitNote(
        run_id=execution.run_id,
        flow=flow_plan.flow.id,
        kind=flow_plan.flow.kind,
        engine=execution.engine_name,
        engine_reason=execution.engine_reason,
        mode="full" if plan.full else "incremental",
        code=fingerprints.code,
        params=fingerprints.params,
        contract=fingerprints.contract,
        code_parts=fingerprints.code_parts,
        contract_parts=fingerprints.contract_parts,
        models=fingerprints.models,
        external=fingerprints.external,
        inputs={name: version for name, version in flow_plan.inputs.items() if version >= 0},
        ids={name: identity for name, identity in flow_plan.ids.items() if identity},
        key=flow_plan.flow.writes.key,
        retraction=flow_plan.retractions.ordinal,
        changed=plan.changed,
        counts=counts,
        digest=str(plan.digest),
        quarantine=quarantined.attempt,
        reasons=checked.reasons if quarantined.attempt else {},
        has_quarantined=quarantined.remaining,
        base_version=execution.target.version,
        started=execution.started,
        seconds=round(execution.elapsed(), 3),
        phases=phases.as_dict(),
    )


def attempt_name(execution: FlowExecution, *, full: bool) -> str:
    """Return the name under which rows are quarantined: the same for a retry, another where other rows would be."""
    flow_plan, fingerprints = execution.flow_plan, execution.flow_plan.fingerprints
    body = [
        flow_plan.flow.id,
        execution.target.transaction,
        dict(flow_plan.inputs),
        fingerprints.code,
        fingerprints.params,
        fingerprints.contract,
        dict(fingerprints.models),
        fingerprints.external,
        flow_plan.retractions.ordinal,
        flow_plan.has_cause("quarantine_retry"),
        full,
    ]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
