"""Refuse a flow's rows where more break a check than its contract tolerates, or where rows share a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from lakehouse.declare.flow import REJECT
from lakehouse.declare.lineage_columns import RUN_ID
from lakehouse.engine import CheckedRows, StoredRows
from lakehouse.engine.rules import first_check
from lakehouse.errors import CheckFailedError
from lakehouse.execute.flow_execution import FlowExecution

_EXAMPLES = 3


def refuse_rejected_rows(execution: FlowExecution, checked: CheckedRows) -> None:
    """Refuse rows where a check's tolerance is exceeded, or the flow's over all that no check rejected, together.

    A tolerance is a share of the rows that this run made: all of the table's, or those that changed.

    Args:
        execution: The execution.
        checked: Its rows.

    Raises:
        CheckFailedError: If a tolerance is exceeded.
    """
    flow = execution.item.flow
    total = checked.digest.rows + checked.rejected
    for place, check in enumerate(flow.writes.checks, first_check(flow.writes)):
        count, allowed = checked.broken.get(check.name, 0), check.allowed(flow.reject_tolerance)
        if count and (check.on_fail == "fail" or count > allowed * total):
            share = "none may" if check.on_fail == "fail" else f"{allowed:.4g} of them may"
            raise _check_failed(execution, checked, _Failure(check.name, place, count, share))
    count = sum(checked.unchecked.values())
    if count > flow.reject_tolerance * total:
        most = max(checked.unchecked, key=lambda reason: checked.unchecked[reason])
        share = f"{flow.reject_tolerance:.4g} of them may be"
        raise _check_failed(execution, checked, _Failure(most, most, count, share))


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


class _Failure(NamedTuple):
    reason: str
    of: int | str
    rows: int
    allowed: str


def _check_failed(execution: FlowExecution, checked: CheckedRows, failure: _Failure) -> CheckFailedError:
    flow = execution.item.flow
    total = checked.digest.rows + checked.rejected
    rows = execution.session.rejected_examples(checked, failure.of, _EXAMPLES)
    stated = {REJECT: failure.reason, **({RUN_ID: execution.run_id} if RUN_ID in flow.writes.lineage else {})}
    examples = "; ".join(filter(None, (_shown(row, stated) for row in rows)))
    error = CheckFailedError(
        f"{flow.id}: {failure.rows} of the {total} rows that this run made for {flow.writes.name} were refused, "
        f"{failure.allowed}: {failure.reason} (for example {examples or 'none'})",
        "fix the rows or the flow, or raise the check's tolerance; nothing was committed",
    )
    error.reasons, error.rows = checked.reasons, total
    return error


def _shown(row: Mapping[str, Any], stated: Mapping[str, str]) -> str:
    # Neither what all rows have nor what the message says already.
    values = {
        name: value
        for name, value in row.items()
        if isinstance(value, str | int | float) and (name not in stated or stated[name] != value)
    }
    return ", ".join(f"{name}={str(value)[:60]!r}" for name, value in list(values.items())[:4])


def _assignments(key: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in key.items())
