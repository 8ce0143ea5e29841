"""Report a contract's conditions as data-quality assertions, with the engine's counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.declare.contract import Table
from lakehouse.engine import OTHER_REASONS
from lakehouse.engine.rules import never_null
from lakehouse.run.openlineage.client import LazyModule

if TYPE_CHECKING:
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as ol
else:
    ol = LazyModule("openlineage.client.generated.data_quality_assertions_dataset")


def assertions(
    table: Table, reasons: Mapping[str, int], rows: int | None, reject_tolerance: float, *, unique: bool
) -> Iterator[ol.Assertion]:
    """Yield one assertion per condition of a contract; a row that breaks several counts under the first.

    Args:
        table: The contract.
        reasons: Rows refused, by reason; the rarest may be summed up in one.
        rows: Rows that were checked; None if they were not counted.
        reject_tolerance: Fraction of rows that the flow may quarantine.
        unique: Whether the key was checked to be unique.
    """

    def assertion(kind: str, name: str, reason: str, tolerance: float = 0.0, **optional: Any) -> Iterator[ol.Assertion]:
        failed = reasons.get(reason, 0)
        if reason and reason not in reasons and OTHER_REASONS in reasons:
            return  # it may be among the rare ones
        params: dict[str, Any] = {"failed": failed}
        if rows is not None:
            params |= {"rows": rows, "passed": rows - failed}
        if tolerance:
            params["tolerance"] = tolerance
        yield ol.Assertion(
            assertion=kind,
            success=failed == 0,
            name=name,
            expected="0",
            actual=str(failed),
            params=params,
            **{"severity": "warn", **optional},
        )

    for field in never_null(table):
        reason = f"column {field.path} is null"
        yield from assertion("not_null", reason, reason, reject_tolerance, column=field.column)
    for check in table.checks:
        severity = "error" if check.on_fail == "fail" else "warn"
        query = {"severity": severity, "content": check.sql, "contentType": "expression"}
        yield from assertion("custom_sql", check.name, check.name, check.allowed(reject_tolerance), **query)
    if unique and table.key:
        column = table.key[0] if len(table.key) == 1 else None
        yield from assertion("unique", f"key {', '.join(table.key)} names one row", "", severity="error", column=column)
