"""One record as a reader gives it: its values, or why it has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a file.

    Args:
        number: Its number within the file, from 1: of a line, where formats have lines, else of a row or record.
        place: The same in words, such as "line 12".
        values: Its fields; empty where there is a problem.
        problem: Why it cannot be read; empty where it can.
    """

    number: int
    place: str
    values: Mapping[str, Any]
    problem: str = ""


def bad(number: int, place: str, problem: str) -> Record:
    """Return a record that cannot be read."""
    return Record(number, place, {}, problem)
