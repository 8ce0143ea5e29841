"""Listeners of a run."""

from __future__ import annotations

from typing import Protocol

from lakehouse.plan.plan import FlowPlan, Plan
from lakehouse.run.report import Outcome


class CompositeListener:
    """A listener that tells several others, in their order.

    Args:
        listeners: The others.
    """

    def __init__(self, *listeners: Listener) -> None:
        self.listeners = listeners

    def planned(self, plan: Plan) -> None:
        """Tell each that the plan is made."""
        for listener in self.listeners:
            listener.planned(plan)

    def session(self, seconds: float) -> None:
        """Tell each that Spark is up."""
        for listener in self.listeners:
            listener.session(seconds)

    def began(self, item: FlowPlan) -> None:
        """Tell each that a flow is being executed."""
        for listener in self.listeners:
            listener.began(item)

    def ended(self, outcome: Outcome) -> None:
        """Tell each that a flow has ended."""
        for listener in self.listeners:
            listener.ended(outcome)


class Listener(Protocol):
    """Told of a run's progress, from several threads."""

    def planned(self, plan: Plan) -> None:
        """Take note that the plan is made."""

    def session(self, seconds: float) -> None:
        """Take note that Spark is up."""

    def began(self, item: FlowPlan) -> None:
        """Take note that a flow is being executed, with the input versions to read."""

    def ended(self, outcome: Outcome) -> None:
        """Take note that a flow has ended."""


class NullListener:
    """A listener that says nothing."""

    def planned(self, plan: Plan) -> None:
        """Say nothing."""

    def session(self, seconds: float) -> None:
        """Say nothing."""

    def began(self, item: FlowPlan) -> None:
        """Say nothing."""

    def ended(self, outcome: Outcome) -> None:
        """Say nothing."""
