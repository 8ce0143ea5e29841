"""Report the progress of a run."""

from __future__ import annotations

from collections.abc import Callable

from lakehouse.plan.plan import FlowPlan, Plan
from lakehouse.run.report import FlowResult


class Listener:
    """Base class of what a run reports to, from several threads; by itself it does nothing."""

    def planned(self, plan: Plan) -> None:
        """Handle the finished plan."""

    def session(self, seconds: float) -> None:
        """Handle the end of Spark's start, which took that many seconds."""

    def began(self, item: FlowPlan) -> None:
        """Handle the start of a flow, planned with the input versions to read."""

    def ended(self, result: FlowResult) -> None:
        """Handle the end of a flow."""


class CompositeListener(Listener):
    """A listener that calls several others, in their order.

    Args:
        listeners: The others.
    """

    def __init__(self, *listeners: Listener) -> None:
        self.listeners = listeners

    def planned(self, plan: Plan) -> None:
        """Pass the plan on."""
        self._each(lambda listener: listener.planned(plan))

    def session(self, seconds: float) -> None:
        """Pass on that Spark is up."""
        self._each(lambda listener: listener.session(seconds))

    def began(self, item: FlowPlan) -> None:
        """Pass on that a flow is executed."""
        self._each(lambda listener: listener.began(item))

    def ended(self, result: FlowResult) -> None:
        """Pass on that a flow has ended."""
        self._each(lambda listener: listener.ended(result))

    def _each(self, call: Callable[[Listener], None]) -> None:
        for listener in self.listeners:
            call(listener)
