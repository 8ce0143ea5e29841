"""A thread that does one thing after the other, so that whoever asks never waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Worker[T]:
    """Hands items to a function in the order in which they came, in a thread that keeps no process alive.

    Args:
        name: Name of the thread.
        handle: Called with each item; it is not to raise.
    """

    def __init__(self, name: str, handle: Callable[[T], None]) -> None:
        self._handle = handle
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._busy = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Hand an item over; after `close` it is dropped."""
        with self._changed:
            if not self._closed:
                self._waiting.append(item)
                self._changed.notify()

    def close(self, seconds: float) -> int:
        """Wait for what was handed over, at most so long, and take no more.

        Returns:
            Items that were not done by then; the thread lets go of those that wait.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(seconds)
        with self._changed:
            left = len(self._waiting) + self._busy
            self._waiting.clear()
        return left

    def _work(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                item = self._waiting.popleft()
                self._busy = True
            self._handle(item)
