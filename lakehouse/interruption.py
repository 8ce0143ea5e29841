"""How Ctrl-C and SIGTERM end what runs in other threads and processes.

Python runs a signal's handler in the main thread, between two of its own instructions: work that a library does for
minutes is not reached by it. So such work runs in another thread, the main thread waits, and what is running names a
way to stop it (`on_interrupt`), which the one who waits takes (`interrupt_running`).
"""

from __future__ import annotations

import itertools
import signal
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Seconds between two attempts to stop what runs: between two parts of work nothing can be stopped.
_AGAIN = 0.1


class Terminated(KeyboardInterrupt):
    """Raised in the main thread where SIGTERM was received; it ends what Ctrl-C ends."""


left_behind = threading.Event()
"""Set where work went on although it was stopped: only the end of the process ends it."""

_stops: dict[int, Callable[[], object]] = {}
_numbers = itertools.count()


@contextmanager
def on_interrupt(stop: Callable[[], object]) -> Iterator[None]:
    """Name a way to stop what runs in the context.

    Args:
        stop: Called in another thread, perhaps more than once; it returns at once and raises nothing of importance.
    """
    number = next(_numbers)
    _stops[number] = stop
    try:
        yield
    finally:
        _stops.pop(number, None)


def interrupt_running() -> None:
    """Stop whatever named a way to stop it."""
    for stop in list(_stops.values()):
        try:
            stop()
        except Exception:  # noqa: BLE001, S112 - the others are to be stopped, too
            continue


def run_interruptibly[T](work: Callable[[], T], seconds: float) -> T:
    """Run work that Ctrl-C and SIGTERM stop, and return its value or raise its error.

    In the main thread, the work runs in another one. Once stopped, it has some time to end; then it is left behind.

    Args:
        work: The work.
        seconds: How long it may take to end.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    value: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            value.append(work())
        except BaseException as error:  # noqa: BLE001 - raised where it was called
            errors.append(error)
        ended.set()

    try:
        threading.Thread(target=run, name="mixlake-work", daemon=True).start()
        # In turns: a signal that the kernel gave to another thread does not wake this one.
        while not ended.wait(_AGAIN):
            pass
    except BaseException:
        end = time.monotonic() + seconds
        while not ended.is_set() and time.monotonic() < end:
            interrupt_running()
            ended.wait(_AGAIN)
        if not ended.is_set():
            left_behind.set()
        raise
    if errors:
        raise errors.pop()
    return value[0]


@contextmanager
def raise_terminated() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM, where nothing else handles it and this is the main thread."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(_: int, __: types.FrameType | None) -> None:
    raise Terminated
