"""The story of a sample: its outcomes in the order of the way."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Outcomes after which a sample does not go on.
LOSSES = ("removed", "quarantined", "pruned", "retracted")
_STEPS = ("landed", "made", "kept", "trained")


@dataclass(frozen=True, slots=True)
class Event:
    """One outcome of one sample.

    Args:
        sample_id: The sample: the one in question, or one that it was made from or that was made from it.
        table: The table that says so.
        outcome: landed, kept, made, removed, quarantined, pruned, retracted, trained, or a word of a project's view.
        version: The version at which the table was read, None where it was not.
        rule: The rule.
        column: The column that the rule judged.
        value: Its value.
        threshold: What the rule allows.
        other: Other samples: what it was made from, or repeats, or what was packed from it.
        detail: More, in words.
        details: What else a view says, by column.
        flow: The flow that decided.
        run_id: Its run.
        at: When the run committed, ISO 8601, UTC.
    """

    sample_id: str
    table: str
    outcome: str
    version: int | None = None
    rule: str = ""
    column: str = ""
    value: str = ""
    threshold: str = ""
    other: tuple[str, ...] = ()
    detail: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    flow: str = ""
    run_id: str = ""
    at: str = ""

    @property
    def is_loss(self) -> bool:
        """Whether the sample does not go on."""
        return self.outcome in LOSSES

    @property
    def judged(self) -> str:
        """What the rule judged: the column and its value."""
        return " ".join(filter(None, (self.column, self.value)))

    def as_dict(self) -> dict[str, Any]:
        """Return the event as plain values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "other": list(self.other), "details": dict(self.details)}


@dataclass(frozen=True)
class Story:
    """What happened to a sample.

    Args:
        id: The sample.
        uri: The address of its original, empty where no table has it.
        events: In the order of the way.
        made: Samples that were made from it.
        truncated: Whether there are more rows than the limit.
        left_out: Views of outcomes that could not be read, and why.
    """

    id: str
    uri: str
    events: tuple[Event, ...]
    made: frozenset[str] = frozenset()
    truncated: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Where the sample itself ended, in one line: the first loss, else the last step that kept it.

        Of what was made from it, it says how many ended where.
        """
        own = [event for event in self.events if event.sample_id == self.id]
        end = _end(own)
        if end is None:
            text = "it is known only by what was made from it"
        elif end.is_loss:
            same = [e for e in own if (e.table, e.outcome) == (end.table, end.outcome)]
            text = f"{end.outcome} at {end.table}: {'; '.join(dict.fromkeys(map(_reason, same)))}"
        else:
            text = f"{end.outcome} at {end.table}{f': {end.detail}' if end.detail else ''}"
        ends = [found for name in sorted(self.made) if (found := _end(self.of(name))) is not None]
        if not ends:
            return text
        counts = Counter(f"{found.outcome} at {found.table}" for found in ends)
        counted = ", ".join(f"{n} {words}" for words, n in counts.most_common())
        return f"{text}; of {len(ends)} made from it {counted}"

    def of(self, sample: str) -> list[Event]:
        """Return the events of a sample."""
        return self._by_sample.get(sample, [])

    @functools.cached_property
    def _by_sample(self) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.sample_id, []).append(event)
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake why --json`` prints."""
        return {
            "id": self.id,
            "uri": self.uri,
            "verdict": self.verdict,
            "events": [event.as_dict() for event in self.events],
            "truncated": self.truncated,
            "left_out": dict(self.left_out),
        }


def _end(events: Sequence[Event]) -> Event | None:
    """Return the first loss, else the last step that kept a sample."""
    counted = [event for event in events if event.outcome in _STEPS]
    return next((event for event in events if event.is_loss), counted[-1] if counted else None)


def _reason(event: Event) -> str:
    judged = ", ".join(filter(None, (event.judged, f"allowed: {event.threshold}" if event.threshold else "")))
    return (event.rule or event.detail) + (f" ({judged})" if judged else "")


def by_table(events: Sequence[Event]) -> dict[str, list[Event]]:
    """Return events by table, in their order."""
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.table, []).append(event)
    return found
