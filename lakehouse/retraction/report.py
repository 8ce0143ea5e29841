"""What a retraction reports to the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakehouse.ledger.retractions import Retraction


@dataclass(frozen=True, slots=True)
class Seen:
    """Training steps that saw rows of an order, or what was made from them."""

    training_run: str
    release: str
    steps: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class RetractionReport:
    """What an order does.

    Args:
        order: The order.
        derived: Rows of each table that were made from rows that match, and follow them.
        seen: Training steps that saw them.
        recorded: Whether the order was recorded (not where it was only asked what it would do).
        untold: Releases and trainings of which it cannot be told, each with why.
        unmatched: The given ids that no row carries now.
        near: Where no row matches, the sources or licences of the lake that are spelt much like the given one.
    """

    order: Retraction
    derived: Mapping[str, int] = field(default_factory=dict)
    seen: Sequence[Seen] = ()
    recorded: bool = True
    untold: Sequence[str] = ()
    unmatched: Sequence[str] = ()
    near: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake retract --json`` prints."""
        seen = [{name: getattr(item, name) for name in Seen.__slots__} for item in self.seen]
        said = {name: list(getattr(self, name)) for name in ("untold", "unmatched", "near")}
        return {
            **self.order.as_dict(),
            "derived": dict(self.derived),
            "seen": seen,
            "recorded": self.recorded,
            **said,
        }
