"""Compare what a commit stored in its table with the rows passed to it.

Stored rows may differ from the rows passed in where the format, a writer or a reader changes a value. The digest of a
commit's note is of the rows passed in, and a row's hash is the same on each engine and in any file. So:

- after each commit the table's rows are counted, by its log, and a sample of the files that it added is read: two files
  at most, a thousand rows and half a megabyte of each, chosen by a keyed hash. Each row that was read must have the
  hash of the committed row of its key. Rows of other keys, which a merge copies, are skipped;
- with ``mixlake run --verify`` the whole table is read, and its digest must equal the note's.

A table that needs a reader feature (deletion vectors, column mapping) is read by ``--verify`` alone.
"""

from __future__ import annotations

from lakehouse.delta.read_back import rows_in_log
from lakehouse.errors import LakeError
from lakehouse.execute.flow_execution import FlowExecution
from lakehouse.execute.write_plan import WritePlan


def verify_commit(execution: FlowExecution, plan: WritePlan, version: int) -> None:
    """Compare what a commit stored in its table with the rows passed to it.

    Args:
        execution: The execution.
        plan: What was committed.
        version: The version that holds the commit.

    Raises:
        LakeError: If it differs. The commit is not undone.
    """
    table, whole = execution.flow_plan.flow.writes, execution.project.config.verify
    if not (plan.changed or whole):
        return
    rows = rows_in_log(execution.project.catalog.open(table.name, version))
    if rows is not None and rows != plan.digest.rows:
        raise _differs(execution, version, f"{rows} rows are stored, {plan.digest.rows} should be")
    if whole:
        stored = execution.session.stored_digest(version)
        if stored != plan.digest:
            raise _differs(execution, version, f"its digest is {stored}, and should be {plan.digest}")
        return
    key = execution.session.differing_row(plan.write, version)
    if key is not None:
        named = ", ".join(f"{name}={value!r}" for name, value in key.items())
        raise _differs(execution, version, f"a row{f' ({named})' if named else ''} differs from what was committed")


def _differs(execution: FlowExecution, version: int, what: str) -> LakeError:
    name = execution.flow_plan.flow.writes.name
    return LakeError(
        f"version {version} of {name} differs from what {execution.flow_plan.flow.id} wrote: {what}",
        "do not use that version: check the rows and the storage, then rewrite and verify the table: "
        f"mixlake run {name} --full --verify",
    )
