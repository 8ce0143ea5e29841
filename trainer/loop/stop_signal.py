"""Note SIGTERM and SIGINT, so that a run ends after its current step."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self


class StopSignal:
    """Whether SIGTERM or SIGINT reached this process; a context in which they do nothing else."""

    def __init__(self) -> None:
        self.received = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Handle the signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        """Restore the handlers that were there."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's arguments
        self.received = True
