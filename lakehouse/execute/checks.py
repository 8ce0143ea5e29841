"""Refuse a flow's rows where more break a check than its contract tolerates, or where rows share a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.engine import CheckedRows, StoredRows
from lakehouse.errors import CheckFailedError
from lakehouse.execute.flow_execution import FlowExecution


def refuse_rejected_rows(execution: FlowExecution, checked: CheckedRows, stored: int) -> None:
    """Refuse rows where a check's own tolerance, or the flow's over all other reasons together, is exceeded.

    Args:
        execution: The execution.
        checked: Its rows.
        stored: Rows that the table holds and that are not computed again.

    Raises:
        CheckFailedError: If a tolerance is exceeded.
    """
    flow = execution.item.flow
    total = stored + checked.digest.rows + checked.rejected
    checks = {check.name: check for check in flow.writes.checks}
    for reason, count in checked.reasons.items():
        check = checks.get(reason)
        if check is not None:
            allowed = max(check.tolerance, flow.reject_tolerance)
            if check.on_fail == "fail" or count > allowed * total:
                raise _check_failed(execution, checked, reason, count, total)
    others = {reason: count for reason, count in checked.reasons.items() if reason not in checks}
    if sum(others.values()) > flow.reject_tolerance * total:
        most = max(others, key=lambda reason: others[reason])
        raise _check_failed(execution, checked, most, sum(others.values()), total)


def refuse_duplicate_keys(execution: FlowExecution, checked: CheckedRows) -> None:
    """Refuse rows that share a key.

    Raises:
        CheckFailedError: If two do.
    """
    flow = execution.item.flow
    if not flow.writes.key or checked.distinct_keys == checked.digest.rows:
        return
    key, count = execution.session.duplicate_key(checked)
    raise CheckFailedError(
        f"{flow.id} made {count} rows of {flow.writes.name} with one key: {_assignments(key)}",
        f"fix the flow ({flow.place}), or the table's key; nothing was committed",
    )


def refuse_stored_keys(execution: FlowExecution, checked: CheckedRows, replaced: StoredRows | None = None) -> None:
    """Refuse new rows whose key the table holds already for another origin.

    Args:
        execution: The execution.
        checked: The new rows.
        replaced: Stored rows that the new ones replace.

    Raises:
        CheckFailedError: If there is one.
    """
    flow = execution.item.flow
    if not flow.writes.key:
        return
    key = execution.session.stored_key(checked, execution.target.version, replaced)
    if key is not None:
        raise CheckFailedError(
            f"{flow.id} made a second row of {flow.writes.name} with the key {_assignments(key)}",
            "rows of two tables or origins share it: give those of one new identities, or choose another key",
        )


def _check_failed(
    execution: FlowExecution, checked: CheckedRows, reason: str, count: int, total: int
) -> CheckFailedError:
    flow = execution.item.flow
    row = execution.session.rejected_example(checked, reason)
    values = {name: value for name, value in row.items() if isinstance(value, str | int | float)}
    example = ", ".join(f"{name}={str(value)[:60]!r}" for name, value in list(values.items())[:4])
    error = CheckFailedError(
        f"{flow.id}: {count} of {total} rows for {flow.writes.name} were refused: {reason}"
        f" (for example {example or 'none'})",
        "fix the rows or the flow, or raise the check's tolerance; nothing was committed",
    )
    error.reasons, error.rows = checked.reasons, total
    return error


def _assignments(key: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in key.items())
