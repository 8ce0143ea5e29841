"""Count what a run has done, to report it where the run is interrupted."""

from __future__ import annotations

import threading

from lakehouse.plan.plan import FlowPlan, Plan
from lakehouse.run.listener import Listener
from lakehouse.run.report import FlowResult

_NAMED = 8


class Tally(Listener):
    """Keeps the flows of a run by what became of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: dict[str, str] = {}
        self._running: dict[str, str] = {}
        self._committed: list[str] = []

    def planned(self, plan: Plan) -> None:
        """Keep the flows that are to run."""
        with self._lock:
            self._planned = {item.flow.id: item.writes for item in plan.stale}

    def began(self, item: FlowPlan) -> None:
        """Keep a flow as running."""
        with self._lock:
            self._planned.pop(item.flow.id, None)
            self._running[item.flow.id] = item.writes

    def ended(self, result: FlowResult) -> None:
        """Keep the version that a flow committed."""
        with self._lock:
            self._planned.pop(result.flow, None)
            self._running.pop(result.flow, None)
            if result.status == "done":
                self._committed.append(f"{result.writes}@{result.version}")

    def summary(self) -> str:
        """Return one line: what was committed, what was stopped, and how to go on."""
        with self._lock:
            parts = [
                f"committed: {_listed(self._committed)}",
                f"stopped: {_listed(list(self._running.values()))}",
                f"not begun: {len(self._planned)}",
            ]
        return f"{'; '.join(parts)} — the same command goes on from there"


def _listed(names: list[str]) -> str:
    """Return names with their number, of many the first ones."""
    if not names:
        return "nothing"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
