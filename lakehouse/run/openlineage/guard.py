"""Keep an event when a part of it cannot be made: the part is left out, with a warning."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from lakehouse.errors import first_line
from lakehouse.run.openlineage.client import LazyModule

if TYPE_CHECKING:
    from openlineage.client import serde as _serde
else:
    _serde = LazyModule("openlineage.client.serde")

log = logging.getLogger("mixlake.openlineage")


class Guard:
    """Makes the parts of a run's events; each fault is warned of once."""

    def __init__(self) -> None:
        self._warned: set[str] = set()

    def attempt[T](self, subject: str, what: str, make: Callable[[], T], otherwise: T) -> T:
        """Return what a function makes, or a fallback if it raises any exception.

        Args:
            subject: The flow, for the warning.
            what: The part of its event, for the warning.
            make: The function.
            otherwise: What replaces it.
        """
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - whatever a part raises, the event is sent
            cause = f"{type(error).__name__}: {first_line(error)}"
            message = f"{subject}: its OpenLineage event lacks {what}: {cause}"
            if message not in self._warned:
                self._warned.add(message)
                log.warning("%s", message)
            return otherwise

    def facets(self, subject: str, makers: Mapping[str, Callable[[], Mapping[str, Any]]]) -> dict[str, Any]:
        """Return the facets that functions make; those of one that raises, or that JSON cannot hold, are left out.

        Args:
            subject: The flow, for warnings.
            makers: Functions that return facets by key, each by what it makes, for warnings.
        """
        made: dict[str, Any] = {}
        nothing: Mapping[str, Any] = {}
        for what, make in makers.items():
            made |= self.attempt(subject, what, partial(_writable, make), nothing)
        return made


class Deadline:
    """Wait for functions in threads of their own, for some seconds in all.

    Args:
        seconds: How long to wait, over all calls.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def call[T](self, make: Callable[[], T]) -> T:
        """Return what a function returns, or raise what it raises.

        Raises:
            TimeoutError: If it takes longer than what is left; it continues in the background.
        """
        answer: list[T] = []
        errors: list[Exception] = []

        def work() -> None:
            try:
                answer.append(make())
            except Exception as error:  # noqa: BLE001 - raised again by who waits
                errors.append(error)

        thread = threading.Thread(target=work, name="openlineage-lineage", daemon=True)
        began = time.monotonic()
        thread.start()
        thread.join(max(self._left, 0.0))
        self._left -= time.monotonic() - began
        if errors:
            raise errors[0]
        if not answer:
            raise TimeoutError("it takes too long")
        return answer[0]


def _writable(make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    facets = make()
    for facet in facets.values():
        json.dumps(_serde.Serde.to_dict(facet), allow_nan=False)
    return facets
