"""Decide how a flow's rows are written: appended, merged by key, or in place of the whole table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse.delta.content_digest import Digest
from lakehouse.engine import CheckedRows, Difference, FlowOutput, StoredRows, Write
from lakehouse.engine.keys import keeps_source_key
from lakehouse.execute.checks import refuse_stored_keys
from lakehouse.execute.flow_execution import FlowExecution


@dataclass(frozen=True)
class WritePlan:
    """What is committed, and what the note says of it.

    Args:
        write: The rows and how they are written.
        full: Whether the flow processed all rows.
        digest: Content digest of the table after the commit.
        inserted: Inserted rows.
        updated: Rows that are replaced.
        deleted: Deleted rows.
    """

    write: Write
    full: bool
    digest: Digest
    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def changed(self) -> bool:
        """Whether rows change."""
        if self.write.mode == "overwrite":
            return True
        return bool(self.inserted or self.updated or self.deleted)

    @property
    def counts(self) -> Mapping[str, int]:
        """Row counts by kind of change, and the table's rows after the commit."""
        return {
            "inserted": self.inserted,
            "updated": self.updated,
            "deleted": self.deleted,
            "rows": self.digest.rows,
        }


def plan_write(execution: FlowExecution, output: FlowOutput, checked: CheckedRows) -> WritePlan:
    """Decide how the rows are written.

    Raises:
        CheckFailedError: If a new row's key is stored already for another origin.
    """
    flow_plan, target = execution.flow_plan, execution.target
    retracting = flow_plan.has_cause("retraction") and not target.replace_whole
    only_new = not output.full and output.affected is None and not retracting
    keys_may_meet = not output.full and checked.digest.rows > 0 and _keys_may_meet(execution, output)
    if only_new and keys_may_meet:
        refuse_stored_keys(execution, checked)
    if only_new or _is_empty(execution):
        return _append(output, checked, target.digest + checked.digest)
    if target.replace_whole:
        return _replace_whole(execution, output, checked)
    if output.full:
        return _replace_by_key(execution, output, checked)
    return _replace_affected(execution, output, checked, keys_may_meet=keys_may_meet)


def _is_empty(execution: FlowExecution) -> bool:
    """Whether the table is empty, so that all rows are new."""
    target = execution.target
    empty = target.digest.rows == 0 and not (target.external_writes or target.lost_files)
    return empty and target.fits_contract and (target.version == 0 or execution.flow_plan.last is not None)


def _append(output: FlowOutput, checked: CheckedRows, digest: Digest) -> WritePlan:
    return WritePlan(Write("append", checked), output.full, digest, inserted=checked.digest.rows)


def _unchanged(output: FlowOutput, checked: CheckedRows) -> WritePlan:
    return WritePlan(Write("append", checked, unchanged=True), output.full, checked.digest)


def _replace_whole(execution: FlowExecution, output: FlowOutput, checked: CheckedRows) -> WritePlan:
    """Replace all rows at once: of a table without a key, or whose stored rows cannot be compared."""
    target = execution.target
    comparable = target.fits_contract and execution.flow_plan.last is not None
    if comparable and not (target.external_writes or target.lost_files) and checked.digest == target.digest:
        return _unchanged(output, checked)
    return _overwrite(output, checked, deleted=target.digest.rows)


def _overwrite(output: FlowOutput, checked: CheckedRows, deleted: int) -> WritePlan:
    rows = checked.digest.rows
    return WritePlan(Write("overwrite", checked), output.full, checked.digest, inserted=rows, deleted=deleted)


def _replace_by_key(execution: FlowExecution, output: FlowOutput, checked: CheckedRows) -> WritePlan:
    """Write the difference between all rows of the flow and all rows of the table."""
    flow_plan, target = execution.flow_plan, execution.target
    distrusted = target.external_writes or flow_plan.has_cause("forced")
    if flow_plan.last is not None and target.fits_contract and not distrusted and checked.digest == target.digest:
        return _unchanged(output, checked)
    if distrusted and (duplicates := execution.session.rows_with_duplicate_keys(target.version)):
        # Duplicates that something else wrote cannot be compared by key: all rows are replaced at once.
        return _overwrite(output, checked, deleted=duplicates)
    changed = execution.session.difference(checked, StoredRows(target.version))
    if not distrusted and target.digest.comparable and target.digest + changed.gained - changed.lost != checked.digest:
        # The stored rows are not those of the note: an earlier mixlake stored a key twice, or changed a value.
        return _overwrite(output, checked, deleted=target.digest.rows)
    return _write_difference(output, checked, changed, checked.digest)


def _replace_affected(
    execution: FlowExecution, output: FlowOutput, checked: CheckedRows, *, keys_may_meet: bool
) -> WritePlan:
    """Write the difference to the stored rows of affected keys, and to those that are retracted."""
    flow_plan, target = execution.flow_plan, execution.target
    retractions = flow_plan.retractions if flow_plan.has_cause("retraction") else None
    replaced = StoredRows(target.version, output.affected, retractions)
    if keys_may_meet:
        refuse_stored_keys(execution, checked, replaced)
    changed = execution.session.difference(checked, replaced)
    return _write_difference(output, checked, changed, target.digest + changed.gained - changed.lost)


def _write_difference(output: FlowOutput, checked: CheckedRows, changed: Difference, digest: Digest) -> WritePlan:
    if changed.updated or changed.deleted:
        write = Write("merge", checked, changed)
    elif changed.inserted:
        write = Write("append", checked, changed)
    else:
        write = Write("append", checked, unchanged=True)
    return WritePlan(write, output.full, digest, changed.inserted, changed.updated, changed.deleted)


def _keys_may_meet(execution: FlowExecution, output: FlowOutput) -> bool:
    """Whether a new row may have the key of a stored row that it does not replace.

    What a flow declares about its keys is not trusted. But two things are known, since the engine compared origins
    with the source keys that the function was given (`refuse_foreign_rows`, and `Runner` for one-to-one operators):

    - Where a row's origin is a column of its key, rows of one key are of one origin, and all stored rows of affected
      origins are replaced.
    - Where a row's key is the source key, and new source rows alone were given, no stored row is of one of them: the
      source table, which only flows wrote, has its own key once.
    """
    flow, project = execution.flow_plan.flow, execution.project
    if output.affected is not None:
        return flow.source_key_sql not in flow.writes.key
    if not keeps_source_key(flow):
        return True
    sources = project.registry.sources(flow.reads[flow.driving])
    if len(sources) > 1 or any(tuple(source.key) != (flow.source_key,) for source in sources):
        return True
    return not all(project.only_flows_wrote(source.name, execution.flow_plan.inputs) for source in sources)
