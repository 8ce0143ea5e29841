"""Executing one flow: read at pinned versions, call it, check its rows, commit the difference."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from lakehouse import commit, inputs, ledger, quarantine, refusal, stage
from lakehouse.call import Counter, Result, call, session_of
from lakehouse.diff import difference
from lakehouse.errors import MixlakeError
from lakehouse.flow import Flow
from lakehouse.held import Held, hold
from lakehouse.lake import Lake
from lakehouse.note import Note
from lakehouse.plan import FlowPlan
from lakehouse.span import Span
from lakehouse.touched import rows_of
from lakehouse.translate import translated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Held bytes below which a file is not worth a task, neither here nor where it is read.
_FILE = 8 << 20


def execute(root: SparkSession, lake: Lake, item: FlowPlan, run_id: str, *, migrate: bool = False) -> tuple[int, Note]:
    """Run one flow and commit it.

    Args:
        root: The Spark session; the flow gets a session of its own.
        lake: The lake.
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
            held = hold(lake, item, migrate=migrate)
            note = replace(note, onto=held.version)
            counter = Counter()
            result = call(stack, session, lake, item, held, counter)
            attempt = _attempt(item, held.transaction, full=result.full)
            shaped = stage.shape(flow, result.rows, run_id)
            shaped = refusal.allowed(session, lake, flow.writes, shaped, item.retractions)
            # What is tolerated is a share of the table, however few rows came now.
            beside = 0 if result.full else held.digest.rows
            found = stack.enter_context(stage.staged(flow, shaped, beside))
            stage.refuse_doubled_keys(flow, found)
            phases = {"function": counter.seconds, "rows": time.monotonic() - clock}
            aside = _aside(session, lake, item, result, found, attempt, run_id)
            if aside is not None:
                commit.append_quarantine(lake, ledger.quarantine, aside, attempt)
                note = replace(note, quarantine=attempt, reasons=found.reasons)
            note = replace(note, onto=held.version, aside=bool(found.reasons) or (not result.full and _was_aside(item)))
            mode, rows, note, spans = _write(stack, session, lake, item, held, result, found, note)
            counts = {**note.counts, "read": counter.value, "quarantined": sum(found.reasons.values())}
            counts["returned"] = found.digest.rows + counts["quarantined"]
            phases["difference"] = time.monotonic() - clock - phases["rows"]
            phases = {name: round(seconds, 3) for name, seconds in phases.items() if seconds}
            note = replace(note, counts=counts, phases=phases, seconds=round(time.monotonic() - clock, 3))
            if not held.fits:
                commit.set_properties(lake, flow.writes)
            laid_out = _laid_out(flow, rows, mode, 1 + found.size // _FILE)
            version = commit.write(
                session, lake, flow.writes, laid_out, mode=mode, note=note, transaction=held.transaction, spans=spans
            )
            if not held.fits:
                commit.set_properties(lake, flow.writes)
    except MixlakeError:
        raise
    except Exception as error:
        raise translated(flow, error, lake.uri) from error
    return version, note


class _Write(NamedTuple):
    """What is committed: how, which rows, with which note; of a merge also where the changed keys lie."""

    mode: str
    rows: DataFrame
    note: Note
    spans: Mapping[str, Span] | None = None


def _write(  # noqa: PLR0913, PLR0917 - the parts of one step
    stack: ExitStack,
    session: SparkSession,
    lake: Lake,
    item: FlowPlan,
    held: Held,
    result: Result,
    found: stage.Staged,
    note: Note,
) -> _Write:
    """Decide how the rows are written, and complete the note with what that changes."""
    table = item.flow.writes
    mode = "full" if result.full else "incremental"
    pending = item.because("retraction") and not held.whole
    only_new = not result.full and result.keys is None and not pending
    may_meet = not result.full and _keys_may_meet(lake, item)
    if only_new and may_meet:
        stage.refuse_held_keys(item.flow, found.good, inputs.load(session, lake, table, held.version))
    empty = held.digest.rows == 0 and not (held.foreign or held.lost)
    if only_new or (empty and held.fits and (held.version == 0 or item.last is not None)):
        digest = held.digest + found.digest
        counts = {"inserted": found.digest.rows, "updated": 0, "deleted": 0, "rows": digest.rows}
        note = replace(note, mode=mode, changed=found.digest.rows > 0, counts=counts, digest=str(digest))
        return _Write("append", found.good, note)
    if held.whole:
        known = held.fits and item.last is not None and not (held.foreign or held.lost)
        same = known and found.digest == held.digest
        counts = {"inserted": 0, "updated": 0, "deleted": 0, "rows": found.digest.rows}
        if not same:
            counts.update(inserted=found.digest.rows, deleted=held.digest.rows)
        note = replace(note, mode=mode, changed=not same, counts=counts, digest=str(found.digest))
        return _Write("append", found.good.limit(0), note) if same else _Write("overwrite", found.good, note)
    known = item.last is not None and held.fits and not (held.foreign or item.because("forced"))
    if result.full and known and found.digest == held.digest:
        # The table holds these rows. Who says --full does not take the last note's word for it.
        counts = {"inserted": 0, "updated": 0, "deleted": 0, "rows": held.digest.rows}
        note = replace(note, mode=mode, changed=False, counts=counts, digest=str(held.digest))
        return _Write("append", found.good.limit(0), note)
    present = inputs.load(session, lake, table, held.version)
    if result.full and (held.foreign or item.because("forced")) and (doubled := stage.doubled_rows(table, present)):
        # What something else wrote twice is no difference by key: its rows are replaced as a whole.
        counts = {"inserted": found.digest.rows, "updated": 0, "deleted": doubled, "rows": found.digest.rows}
        return _Write("overwrite", found.good, replace(note, mode=mode, counts=counts, digest=str(found.digest)))
    if not result.full:
        held_rows, present = present, _replaced(session, lake, item, held, result, present)
        if may_meet:
            others = held_rows.join(present.select(*table.key), list(table.key), "left_anti")
            stage.refuse_held_keys(item.flow, found.good, others)
    changed = stack.enter_context(difference(table, found.good, present))
    digest = found.digest if result.full else held.digest + changed.gained - changed.lost
    counts = {
        "inserted": changed.inserted,
        "updated": changed.updated,
        "deleted": changed.deleted,
        "rows": digest.rows,
    }
    note = replace(note, mode=mode, changed=not changed.empty, counts=counts, digest=str(digest))
    if changed.updated or changed.deleted:
        return _Write("merge", changed.rows, note, changed.spans)
    return _Write("append", changed.rows.drop(commit.ACTION) if changed.inserted else found.good.limit(0), note)


def _keys_may_meet(lake: Lake, item: FlowPlan) -> bool:
    """Whether rows of other origins may have a key that new rows have.

    A sample's identity is made from what it was made from, so that it meets no other; two driving tables may share
    identities, any other key may be the same for rows of two origins, and what is no flow may write a key twice.
    """
    flow = item.flow
    if not flow.driving:  # what lands: nothing but a retraction leaves rows in their place
        return False
    sources = lake.registry.sources(flow.reads[flow.driving])
    if tuple(flow.writes.key) not in {("sample_id",), (flow.driving_key,)} or len(sources) > 1:
        return True
    return not all(inputs.names_one(lake, source, item.inputs) for source in sources)


def _replaced(  # noqa: PLR0913, PLR0917 - the parts of one step
    session: SparkSession, lake: Lake, item: FlowPlan, held: Held, result: Result, present: DataFrame
) -> DataFrame:
    """Return the held rows that new ones take the place of: of affected origins, and those taken back."""
    from pyspark.sql import functions as F

    keys = list(item.flow.writes.key)
    parts = []
    if result.keys is not None:
        own, name = F.expr(item.flow.origin), item.flow.writes.name
        parts.append(rows_of(present, lake, name, held.version, own, result.keys, result.span))
    if item.because("retraction"):
        parts.append(refusal.refused(session, lake, item.flow.writes, present, item.retractions))
    if len(parts) == 1:
        return parts[0]
    either = parts[0].select(*keys).union(parts[1].select(*keys)).distinct()
    return present.join(either, keys, "left_semi")


def _aside(  # noqa: PLR0913, PLR0917 - the parts of one step
    session: SparkSession,
    lake: Lake,
    item: FlowPlan,
    result: Result,
    found: stage.Staged,
    attempt: str,
    run_id: str,
) -> DataFrame | None:
    """Return what goes to quarantine: rejected rows, and marks for origins of earlier ones that are processed again."""
    rejected = stage.quarantine_rows(item.flow, found, attempt, run_id) if found.reasons else None
    if result.full or result.keys is None or not _was_aside(item):
        return rejected
    marks = quarantine.marks(session, lake, item.flow, result.keys, attempt, run_id)
    if marks is None:
        return rejected
    return marks if rejected is None else rejected.unionByName(marks)


def _was_aside(item: FlowPlan) -> bool:
    return item.last is not None and item.last[1].aside


def _laid_out(flow: Flow, rows: DataFrame, mode: str, files: int) -> DataFrame:
    """Write few rows as few files, and order them by the table's clustering: never by one global sort.

    Spark leaves held rows in as many partitions as the shuffle had that made them, however few they are.
    """
    columns = list(flow.writes.cluster_by)
    if mode == "merge":
        return rows
    if not columns:
        return rows.coalesce(files)
    if files == 1:  # no ranges, which would be found by sampling
        return rows.coalesce(1).sortWithinPartitions(*columns)
    return rows.repartitionByRange(*columns).sortWithinPartitions(*columns)


def _note(item: FlowPlan, run_id: str, started: str) -> Note:
    now = item.fingerprints
    return Note(
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
        item.because("retry"),
        full,
    ]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
