"""A condition on the rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lakehouse.errors import ContractError


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that every row of a table satisfies.

    Args:
        name: A sentence that is true of a valid row; it is the reason shown in quarantine.
        sql: A Spark SQL predicate over the table's columns. Null counts as failed.
        on_fail: "quarantine" quarantines the row; "fail" stops the flow at the first such row.
        tolerance: Share of the rows that a run made for the table, all of them or what changed, above which the flow
            fails instead of quarantining; None for the flow's own ``reject_tolerance``.

    Raises:
        ContractError: If a value is invalid.
    """

    name: str
    sql: str
    on_fail: Literal["quarantine", "fail"] = "quarantine"
    tolerance: float | None = None

    def __post_init__(self) -> None:
        """Refuse invalid values."""
        for what, value in (("name", self.name), ("condition", self.sql)):
            if not isinstance(value, str) or not value.strip():
                raise ContractError(f"a check's {what} is {value!r}", "write a text")
        if self.on_fail not in {"quarantine", "fail"}:
            raise ContractError(f"the check {self.name!r} has on_fail={self.on_fail!r}", "write quarantine or fail")
        if self.tolerance is None:
            return
        if isinstance(self.tolerance, bool) or not isinstance(self.tolerance, int | float):
            raise ContractError(f"the check {self.name!r} has tolerance={self.tolerance!r}", "write a number")
        if not 0 <= self.tolerance <= 1:
            raise ContractError(f"the check {self.name!r} has tolerance={self.tolerance!r}", "it is a share, 0 to 1")

    def allowed(self, reject_tolerance: float) -> float:
        """Return its tolerance in a flow of some ``reject_tolerance``."""
        return reject_tolerance if self.tolerance is None else self.tolerance
