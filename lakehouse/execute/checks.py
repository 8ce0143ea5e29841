"""Refuse a flow's rows where more break a check than its contract tolerates, or where rows share a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lakehouse.declare.check import Check
from lakehouse.declare.flow import REJECT
from lakehouse.declare.lineage_columns import RUN_ID
from lakehouse.engine import OTHER_REASONS, CheckedRows, StoredRows
from lakehouse.engine.broken_values import check_columns, shown
from lakehouse.engine.keys import has_origins, keeps_source_key
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
    flow = execution.flow_plan.flow
    total = checked.digest.rows + checked.rejected
    for place, check in enumerate(flow.writes.checks, first_check(flow.writes)):
        count, allowed = checked.broken.get(check.name, 0), check.allowed(flow.reject_tolerance)
        if count and (check.on_fail == "fail" or count > allowed * total):
            share = "none may" if check.on_fail == "fail" else f"{allowed:.4g} of them may"
            raise _check_failed(execution, checked, _Failure(check.name, place, count, share, check))
    count = sum(checked.unchecked.values())
    if count > flow.reject_tolerance * total:
        named = {reason: rows for reason, rows in checked.unchecked.items() if reason != OTHER_REASONS}
        most = max(named, key=lambda reason: named[reason])
        share = f"{flow.reject_tolerance:.4g} of them may be"
        raise _check_failed(execution, checked, _Failure(most, most, count, share))


def refuse_duplicate_keys(execution: FlowExecution, checked: CheckedRows) -> None:
    """Refuse rows that share a key.

    Raises:
        CheckFailedError: If two do.
    """
    flow = execution.flow_plan.flow
    if not flow.writes.key or checked.distinct_keys == checked.digest.rows:
        return
    duplicate = execution.session.duplicate_key(checked)
    made_from = f", made from {' and '.join(texts)}" if (texts := duplicate.origin_texts(flow)) else ""
    raise CheckFailedError(
        f"{flow.id} made {duplicate.rows} rows of {flow.writes.name} with one key: {duplicate.key_text}{made_from}",
        f"fix the flow ({flow.place}), or the table's key; nothing was committed",
    )


def refuse_foreign_rows(execution: FlowExecution, checked: CheckedRows) -> None:
    """Refuse rows that were made from a source row which the function was not given.

    A later change of that source row would replace them, and stored rows of it would remain.

    Raises:
        CheckFailedError: If there is one.
    """
    flow = execution.flow_plan.flow
    if not has_origins(flow) or keeps_source_key(flow) or not (checked.digest.rows or checked.rejected):
        return
    foreign = execution.session.foreign_row(checked)
    if foreign is None:
        return
    if flow.refresh == "merge":
        hint = 'return rows of the affected keys alone, or leave the others out by surplus="drop"'
    else:
        hint = f"source_key_sql must give the {flow.source_key} of the row that a row is made from"
    raise CheckFailedError(
        f"{flow.id} returned a row of {flow.writes.name} ({foreign.key_text}) of {foreign.origin_texts(flow)[0]}, "
        f"which is not among the rows that it was given ({flow.place})",
        f"{hint}; nothing was committed",
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
    flow = execution.flow_plan.flow
    shared = execution.session.stored_key(checked, execution.target.version, replaced)
    if shared is None:
        return
    new, stored = shared.origin_texts(flow)
    raise CheckFailedError(
        f"{flow.id} made a second row of {flow.writes.name} with the key {shared.key_text}: "
        f"the new row is of {new}, the stored one of {stored}",
        "rows of two tables or origins share it: give those of one new identities, or choose another key; "
        "nothing was committed",
    )


class _Failure(NamedTuple):
    reason: str
    rule_or_reason: int | str
    rows: int
    allowed: str
    check: Check | None = None


def _check_failed(execution: FlowExecution, checked: CheckedRows, failure: _Failure) -> CheckFailedError:
    flow = execution.flow_plan.flow
    total = checked.digest.rows + checked.rejected
    rows = execution.session.rejected_examples(checked, failure.rule_or_reason, _EXAMPLES)
    if failure.check is None:
        stated = {REJECT: failure.reason, **({RUN_ID: execution.run_id} if RUN_ID in flow.writes.lineage else {})}
        examples = "; ".join(filter(None, (_shown(row, stated) for row in rows)))
        why = f"{failure.reason} (for example {examples or 'none'})"
    else:
        why = f"{failure.reason} ({failure.check.sql}){_broken_by(failure.check, flow.writes.key, rows)}"
    error = CheckFailedError(
        f"{flow.id}: {failure.rows} of the {total} rows that this run made for {flow.writes.name} were refused, "
        f"{failure.allowed}: {why}",
        "fix the rows or the flow, or raise the check's tolerance; nothing was committed",
    )
    error.reasons, error.rows = checked.reasons, total
    return error


def _broken_by(check: Check, key: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the values that broke a check, each once with the keys of some rows that have it."""
    keys_of: dict[str, list[str]] = {}
    for row in rows:
        by_name = {name.lower(): value for name, value in row.items()}
        names = [name for name in check_columns(check.sql) if name.lower() in by_name]
        values = ", ".join(f"{name} is {shown(by_name[name.lower()])}" for name in names)
        named = " ".join(f"{name} {shown(row[name])}" for name in key if name in row)
        keys_of.setdefault(values, []).append(named)
    broken = [
        " for ".join(filter(None, (values, ", ".join(filter(None, dict.fromkeys(keys))))))
        for values, keys in keys_of.items()
    ]
    return ": " + "; ".join(filter(None, broken)) if any(broken) else ""


def _shown(row: Mapping[str, Any], stated: Mapping[str, str]) -> str:
    # Neither what all rows have nor what the message says already.
    values = {
        name: value
        for name, value in row.items()
        if isinstance(value, str | int | float) and (name not in stated or stated[name] != value)
    }
    if REJECT in values:
        values["reason"] = values.pop(REJECT)
    return ", ".join(f"{name}={str(value)[:60]!r}" for name, value in list(values.items())[:4])
