"""Executing one flow: read at pinned versions, call it, check its rows, commit the difference."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakehouse.delta import append
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.errors import MixlakeError
from lakehouse.execute import checks, conform, quarantine, retraction_filter
from lakehouse.execute import quarantine as quarantine_module
from lakehouse.execute.invoke import Counter, Result, call, session_of
from lakehouse.execute.target import hold
from lakehouse.execute.write_plan import FILE_BYTES, laid_out, plan_write
from lakehouse.ledger import tables
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project
from lakehouse.spark import delta_writer
from lakehouse.spark.errors import translated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def execute(
    root: SparkSession, project: Project, item: FlowPlan, run_id: str, *, migrate: bool = False
) -> tuple[int, CommitNote]:
    """Run one flow and commit it.

    Args:
        root: The Spark session; the flow gets a session of its own.
        project: The project.
        item: The flow as planned, with the input versions to read.
        run_id: The run.
        migrate: Whether a table that its contract no longer fits is written anew.

    Returns:
        The committed version and its note.

    Raises:
        MixlakeError: If the flow or its rows are at fault, or another run came first.
    """
    flow = item.flow
    started = datetime.now(UTC).isoformat()
    clock = time.monotonic()
    session = session_of(root, flow)
    note = _note(item, run_id, started)
    try:
        with ExitStack() as stack:
            held = hold(project.catalog, item, migrate=migrate)
            note = replace(note, base_version=held.version)
            counter = Counter()
            result = call(stack, session, project, item, held, counter)
            attempt = _attempt(item, held.transaction, full=result.full)
            shaped = conform.conform(flow, result.rows, run_id)
            shaped = retraction_filter.allowed(session, project.catalog, flow.writes, shaped, item.retractions)
            # What is tolerated is a share of the table, however few rows came now.
            beside = 0 if result.full else held.digest.rows
            found = stack.enter_context(checks.staged(flow, shaped, beside))
            checks.refuse_doubled_keys(flow, found)
            phases = {"function": counter.seconds, "rows": time.monotonic() - clock}
            aside = _aside(session, project.catalog, item, result, found, attempt, run_id)
            if aside is not None:
                delta_writer.append_quarantine(project.catalog, tables.quarantine, aside, attempt)
                note = replace(note, quarantine=attempt, reasons=found.reasons)
            note = replace(
                note,
                base_version=held.version,
                has_quarantined=bool(found.reasons) or (not result.full and _was_aside(item)),
            )
            mode, rows, note, spans = plan_write(stack, session, project, item, held, result, found, note)
            counts = {**note.counts, "read": counter.value, "quarantined": sum(found.reasons.values())}
            counts["returned"] = found.digest.rows + counts["quarantined"]
            phases["difference"] = time.monotonic() - clock - phases["rows"]
            phases = {name: round(seconds, 3) for name, seconds in phases.items() if seconds}
            note = replace(note, counts=counts, phases=phases, seconds=round(time.monotonic() - clock, 3))
            if not held.fits:
                append.set_properties(project.catalog, flow.writes)
            arranged = laid_out(flow, rows, mode, 1 + found.size // FILE_BYTES)
            version = delta_writer.write(
                session,
                project.catalog,
                flow.writes,
                arranged,
                mode=mode,
                note=note,
                transaction=held.transaction,
                spans=spans,
            )
            if not held.fits:
                append.set_properties(project.catalog, flow.writes)
    except MixlakeError:
        raise
    except Exception as error:
        raise translated(flow, error, project.catalog.uri) from error
    return version, note


def _aside(  # noqa: PLR0913, PLR0917 - the parts of one step
    session: SparkSession,
    catalog: Catalog,
    item: FlowPlan,
    result: Result,
    found: checks.Staged,
    attempt: str,
    run_id: str,
) -> DataFrame | None:
    """Return what goes to quarantine: rejected rows, and marks for origins of earlier ones that are processed again."""
    rejected = quarantine_module.quarantine_rows(item.flow, found, attempt, run_id) if found.reasons else None
    if result.full or result.keys is None or not _was_aside(item):
        return rejected
    marks = quarantine.marks(session, catalog, item.flow, result.keys, attempt, run_id)
    if marks is None:
        return rejected
    return marks if rejected is None else rejected.unionByName(marks)


def _was_aside(item: FlowPlan) -> bool:
    return item.last is not None and item.last[1].has_quarantined


def _note(item: FlowPlan, run_id: str, started: str) -> CommitNote:
    now = item.fingerprints
    return CommitNote(
        run_id=run_id,
        flow=item.flow.id,
        kind=item.flow.kind,
        mode="full",
        code=now.code,
        params=now.params,
        contract=now.contract,
        code_parts=now.code_parts,
        contract_parts=now.contract_parts,
        models=now.models,
        external=now.external,
        inputs={name: version for name, version in item.inputs.items() if version >= 0},
        ids={name: identity for name, identity in item.ids.items() if identity},
        key=item.flow.writes.key,
        retraction=item.retractions.ordinal,
        changed=False,
        counts={},
        digest="",
        started=started,
    )


def _attempt(item: FlowPlan, transaction: int, *, full: bool) -> str:
    """Return the name under which rows are set aside: the same for a retry, another where other rows would be."""
    now = item.fingerprints
    body = [
        item.flow.id,
        transaction,
        dict(item.inputs),
        now.code,
        now.params,
        now.contract,
        dict(now.models),
        now.external,
        item.retractions.ordinal,
        item.because("quarantine_retry"),
        full,
    ]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
