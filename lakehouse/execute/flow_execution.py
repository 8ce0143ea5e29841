"""What every step of one execution needs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from lakehouse.engine import FlowSession
from lakehouse.execute.target import TargetState
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project


@dataclass(frozen=True)
class FlowExecution:
    """One execution of one flow.

    Args:
        session: The engine at work on the flow.
        project: The project.
        flow_plan: The flow as planned, with the input versions to read.
        run_id: The run.
        target: The written table as it is before the flow.
        started: ISO 8601 time.
        started_monotonic: Seconds of the monotonic clock at the start.
        engine_name: The engine.
        engine_reason: Why it runs the flow.
    """

    session: FlowSession
    project: Project
    flow_plan: FlowPlan
    run_id: str
    target: TargetState
    started: str
    started_monotonic: float
    engine_name: str = ""
    engine_reason: str = ""

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started_monotonic

    @property
    def had_quarantined(self) -> bool:
        """Whether rows of earlier commits, back to the last full one, are quarantined."""
        return self.flow_plan.last is not None and self.flow_plan.last.note.has_quarantined


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds of an execution by phase.

    Args:
        function: Inside an operator, added up over workers.
        rows: Until the rows were made and counted.
        difference: From then until what changes was known.
    """

    function: float = 0.0
    rows: float = 0.0
    difference: float = 0.0

    def with_difference(self, elapsed: float) -> Phases:
        """Return the phases where what changes is known after so many seconds in all."""
        return replace(self, difference=elapsed - self.rows)

    def as_dict(self) -> dict[str, float]:
        """Return the phases that took time, to the millisecond."""
        seconds = {"function": self.function, "rows": self.rows, "difference": self.difference}
        return {name: round(value, 3) for name, value in seconds.items() if value}
