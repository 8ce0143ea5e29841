"""A thread in which a connection's statements run, so that Ctrl-C and a time limit end them.

The caller waits in Python, where a signal reaches it, and then interrupts the statement from outside.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lakehouse.interruption import left_behind

T = TypeVar("T")

# Seconds that an interrupted statement has to end before it is left behind, and between two interrupts.
_GRACE = 0.3
_AGAIN = 0.05
_TURN = 0.2


class DeadlineError(Exception):
    """A call did not end in time."""


@dataclass
class _Call:
    work: Callable[[], Any]
    ended: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: BaseException | None = None


class StatementThread:
    """Runs one call after the other in a thread of its own.

    Args:
        interrupt: Interrupts what runs in it.

    Attributes:
        is_left_behind: Whether a call went on although it was interrupted; the thread is of no more use then.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.is_left_behind = False
        self._interrupt = interrupt
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[[], T], deadline: float | None = None) -> T:
        """Run a call, and return its value or raise its error.

        Args:
            work: The call.
            deadline: When it is interrupted, by `time.monotonic`.

        Raises:
            DeadlineError: If it did not end in time.
        """
        if threading.current_thread() is self._thread:
            return work()
        if self._thread is None:
            # A daemon: a call that cannot be interrupted does not keep the process.
            self._thread = threading.Thread(target=self._work, name="mixlake-statements", daemon=True)
            self._thread.start()
        call = _Call(work)
        try:
            self._calls.put(call)
            in_time = _wait(call.ended, deadline)
        except BaseException:
            self._stop(call)
            raise
        if not in_time:
            self._stop(call)
            raise DeadlineError
        if call.error is not None:
            try:
                raise call.error
            finally:
                call.error = None  # or the traceback keeps what it refers to
        return call.value  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the thread, but for a call that was left behind."""
        if self._thread is not None:
            self._calls.put(None)
            if not self.is_left_behind:
                self._thread.join()

    def _stop(self, call: _Call) -> None:
        end = time.monotonic() + _GRACE
        self._interrupt()
        # More than once: between two statements of one call nothing can be interrupted.
        while not call.ended.wait(_AGAIN):
            if time.monotonic() > end:
                self.is_left_behind = True
                left_behind.set()
                return
            self._interrupt()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call.value = call.work()
            except BaseException as error:  # noqa: BLE001 - raised where it was called
                call.error = error
            call.ended.set()
            del call


def _wait(ended: threading.Event, deadline: float | None) -> bool:
    """Wait, and return whether it ended in time. In turns: a signal that another thread got does not wake this one."""
    while deadline is None or time.monotonic() < deadline:
        if ended.wait(_TURN if deadline is None else min(_TURN, max(0.0, deadline - time.monotonic()))):
            return True
    return ended.is_set()
