"""Run steps one after the other in a background thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Worker:
    """A daemon thread that runs steps in the order in which they are put.

    An executor's threads are joined when the process exits; a server that does not answer would delay that.

    Args:
        name: Name of the thread.
        on_error: Called with what a step raises.
    """

    def __init__(self, name: str, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._steps: queue.Queue[Callable[[], object] | None] = queue.Queue()
        self._closed = False
        self._abandoned = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, step: Callable[[], object]) -> None:
        """Queue a step; after `close` it is dropped."""
        if not self._closed:
            self._steps.put(step)

    def close(self, seconds: float) -> int:
        """Wait for the queued steps, at most that many seconds, and stop the thread.

        Returns:
            Steps that were not finished by then; those that had not started are dropped.
        """
        self._closed = True
        self._steps.put(None)
        self._thread.join(seconds)
        self._abandoned = True
        return max(0, self._steps.unfinished_tasks - 1)

    def _work(self) -> None:
        for step in iter(self._steps.get, None):
            if self._abandoned:
                return
            try:
                step()
            except Exception as error:  # noqa: BLE001 - whatever a step raises
                self._on_error(error)
            self._steps.task_done()
        self._steps.task_done()
