"""What a retraction reports to the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lakehouse.ledger.retractions import Retraction


@dataclass(frozen=True, slots=True)
class AffectedSteps:
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
        seen: Training steps that saw them.
        recorded: Whether the order was recorded; a dry run records none.
        unresolved: Releases and trainings that cannot be searched, each with why.
        unmatched: The given ids that no row has now.
        suggestions: Where no row matches, the sources or licences of the lake that are spelled much like the given one.
    """

    order: Retraction
    seen: Sequence[AffectedSteps] = ()
    recorded: bool = True
    unresolved: Sequence[str] = ()
    unmatched: Sequence[str] = ()
    suggestions: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake retract --json`` prints."""
        return {
            **self.order.as_dict(),
            "seen": [asdict(item) for item in self.seen],
            "recorded": self.recorded,
            "unresolved": list(self.unresolved),
            "unmatched": list(self.unmatched),
            "suggestions": list(self.suggestions),
        }
