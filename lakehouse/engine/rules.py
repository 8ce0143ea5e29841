"""The rules of a contract that rows may break, each known by its place: columns that are never null, then checks."""

from __future__ import annotations

from lakehouse.declare.contract import Column, Table
from lakehouse.declare.lineage_columns import RUN_ID

# Columns beside the contract's while rows are checked. ``_reject`` holds the whole reason as it is quarantined; the
# reason by which rows are counted is a function's up to its first colon, or the name of the first rule that is broken.
REASON = "_reason"
# int32 list: places of all rules that the row breaks; none where the function itself rejected it.
BROKEN = "_broken"
JOINED_BY = "; "


def given_columns(table: Table) -> list[Column]:
    """Return the columns that a flow gives: all but mixlake's ``run_id``, which the engine fills."""
    return [column for column in table.columns if not (column.name == RUN_ID and column.lineage)]


def never_null(table: Table) -> list[str]:
    """Return the columns that the contract requires of a flow."""
    given = {column.name for column in given_columns(table)}
    return [name for name in table.required if name in given]


def rule_names(table: Table) -> list[str]:
    """Return what each rule is called in quarantine, by its place."""
    return [*(f"column {name} is null" for name in never_null(table)), *(check.name for check in table.checks)]


def first_check(table: Table) -> int:
    """Return the place of the first check."""
    return len(never_null(table))
