"""Report a contract's conditions as data-quality assertions, with the engine's counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lakehouse.declare.contract import Table
from lakehouse.engine import OTHER_REASONS


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one condition.

    Args:
        assertion: not_null, unique or custom_sql.
        name: Name of the condition.
        failed: Rows refused for it; a row that breaks several counts under the first.
        column: The column that it is about, empty for the row.
        sql: The predicate, empty if it has none.
        stops: Whether one such row stops the flow; else rows are quarantined up to the tolerance.
        tolerance: Fraction of rows above which the flow fails.
    """

    assertion: str
    name: str
    failed: int
    column: str = ""
    sql: str = ""
    stops: bool = False
    tolerance: float = 0.0


def results(table: Table, reasons: Mapping[str, int], reject_tolerance: float, *, unique: bool) -> Iterator[Result]:
    """Yield the result of each condition of a contract.

    Args:
        table: The contract.
        reasons: Rows refused, by reason; the rarest may be summed up in one.
        reject_tolerance: The flow's tolerance.
        unique: Whether the key was checked to be unique.
    """
    # Reasons are counted up to their first colon, so two names with the same text before it cannot be distinguished.
    shared = Counter(check.name.split(":", 1)[0] for check in table.checks)

    def count(reason: str) -> int | None:
        counted = reasons.get(reason)
        return counted if counted is not None or OTHER_REASONS in reasons else 0

    for name in table.required:
        reason = f"column {name} is null"
        if name != "run_id" and (failed := count(reason)) is not None:
            yield Result("not_null", reason, failed, column=name, tolerance=reject_tolerance)
    for check in table.checks:
        reason = check.name.split(":", 1)[0]
        if shared[reason] == 1 and (failed := count(reason)) is not None:
            tolerance = max(check.tolerance, reject_tolerance)
            stops = check.on_fail == "fail"
            yield Result("custom_sql", check.name, failed, sql=check.sql, stops=stops, tolerance=tolerance)
    if unique and table.key:
        column = table.key[0] if len(table.key) == 1 else ""
        yield Result("unique", f"key {', '.join(table.key)} names one row", 0, column=column, stops=True)
