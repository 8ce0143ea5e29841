"""Decide how a flow's rows are written: append, overwrite or merge."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lakehouse.declare.flow import Flow
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.execute import changed_rows, checks, retraction_filter
from lakehouse.execute.file_pruning import rows_of
from lakehouse.execute.invoke import Result
from lakehouse.execute.key_diff import difference
from lakehouse.execute.target import Held
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project
from lakehouse.spark import delta_reader, delta_writer
from lakehouse.spark.key_range import Span

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Held bytes below which a file is not worth a task, neither here nor where it is read.
FILE_BYTES = 8 << 20


class WritePlan(NamedTuple):
    """What is committed: how, which rows, with which note; of a merge also where the changed keys lie."""

    mode: str
    rows: DataFrame
    note: CommitNote
    spans: Mapping[str, Span] | None = None


def plan_write(  # noqa: PLR0913, PLR0917 - the parts of one step
    stack: ExitStack,
    session: SparkSession,
    project: Project,
    item: FlowPlan,
    held: Held,
    result: Result,
    found: checks.Staged,
    note: CommitNote,
) -> WritePlan:
    """Decide how the rows are written, and complete the note with what that changes."""
    table = item.flow.writes
    mode = "full" if result.full else "incremental"
    pending = item.because("retraction") and not held.whole
    only_new = not result.full and result.keys is None and not pending
    may_meet = not result.full and _keys_may_meet(project, item)
    if only_new and may_meet:
        checks.refuse_held_keys(item.flow, found.good, delta_reader.load(session, project.catalog, table, held.version))
    empty = held.digest.rows == 0 and not (held.foreign or held.lost)
    if only_new or (empty and held.fits and (held.version == 0 or item.last is not None)):
        digest = held.digest + found.digest
        counts = {"inserted": found.digest.rows, "updated": 0, "deleted": 0, "rows": digest.rows}
        note = replace(note, mode=mode, changed=found.digest.rows > 0, counts=counts, digest=str(digest))
        return WritePlan("append", found.good, note)
    if held.whole:
        known = held.fits and item.last is not None and not (held.foreign or held.lost)
        same = known and found.digest == held.digest
        counts = {"inserted": 0, "updated": 0, "deleted": 0, "rows": found.digest.rows}
        if not same:
            counts.update(inserted=found.digest.rows, deleted=held.digest.rows)
        note = replace(note, mode=mode, changed=not same, counts=counts, digest=str(found.digest))
        return WritePlan("append", found.good.limit(0), note) if same else WritePlan("overwrite", found.good, note)
    known = item.last is not None and held.fits and not (held.foreign or item.because("forced"))
    if result.full and known and found.digest == held.digest:
        # The table holds these rows. Who says --full does not take the last note's word for it.
        counts = {"inserted": 0, "updated": 0, "deleted": 0, "rows": held.digest.rows}
        note = replace(note, mode=mode, changed=False, counts=counts, digest=str(held.digest))
        return WritePlan("append", found.good.limit(0), note)
    present = delta_reader.load(session, project.catalog, table, held.version)
    if result.full and (held.foreign or item.because("forced")) and (doubled := checks.doubled_rows(table, present)):
        # What something else wrote twice is no difference by key: its rows are replaced as a whole.
        counts = {"inserted": found.digest.rows, "updated": 0, "deleted": doubled, "rows": found.digest.rows}
        return WritePlan("overwrite", found.good, replace(note, mode=mode, counts=counts, digest=str(found.digest)))
    if not result.full:
        held_rows, present = present, _replaced(session, project.catalog, item, held, result, present)
        if may_meet:
            others = held_rows.join(present.select(*table.key), list(table.key), "left_anti")
            checks.refuse_held_keys(item.flow, found.good, others)
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
        return WritePlan("merge", changed.rows, note, changed.spans)
    return WritePlan(
        "append", changed.rows.drop(delta_writer.ACTION) if changed.inserted else found.good.limit(0), note
    )


def _keys_may_meet(project: Project, item: FlowPlan) -> bool:
    """Whether rows of other origins may have a key that new rows have.

    A sample's identity is made from what it was made from, so that it meets no other; two driving tables may share
    identities, any other key may be the same for rows of two origins, and what is no flow may write a key twice.
    """
    flow = item.flow
    if not flow.driving:  # what lands: nothing but a retraction leaves rows in their place
        return False
    sources = project.registry.sources(flow.reads[flow.driving])
    if tuple(flow.writes.key) not in {("sample_id",), (flow.driving_key,)} or len(sources) > 1:
        return True
    return not all(changed_rows.names_one(project, source, item.inputs) for source in sources)


def _replaced(  # noqa: PLR0913, PLR0917 - the parts of one step
    session: SparkSession, catalog: Catalog, item: FlowPlan, held: Held, result: Result, present: DataFrame
) -> DataFrame:
    """Return the held rows that new ones take the place of: of affected origins, and those taken back."""
    from pyspark.sql import functions as F

    keys = list(item.flow.writes.key)
    parts = []
    if result.keys is not None:
        own, name = F.expr(item.flow.origin), item.flow.writes.name
        parts.append(rows_of(present, catalog, name, held.version, own, result.keys, result.span))
    if item.because("retraction"):
        parts.append(retraction_filter.refused(session, catalog, item.flow.writes, present, item.retractions))
    if len(parts) == 1:
        return parts[0]
    either = parts[0].select(*keys).union(parts[1].select(*keys)).distinct()
    return present.join(either, keys, "left_semi")


def laid_out(flow: Flow, rows: DataFrame, mode: str, files: int) -> DataFrame:
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
