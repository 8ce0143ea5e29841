"""Repeat an optimistic step until no other writer commits first."""

from __future__ import annotations

from collections.abc import Callable

ATTEMPTS = 20


def retry[T](step: Callable[[], T | None], conflict: Exception, attempts: int = ATTEMPTS) -> T:
    """Call a step until it returns a value.

    Args:
        step: Reads what it needs again and commits; returns None where another writer committed first.
        conflict: Raised when every attempt lost.
        attempts: How many to make.

    Returns:
        What the step returned.
    """
    for _ in range(attempts):
        result = step()
        if result is not None:
            return result
    raise conflict
