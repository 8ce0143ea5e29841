from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from lakehouse import interruption
from lakehouse.interruption import Terminated, interrupt_running, on_interrupt, raise_terminated, run_interruptibly


@pytest.fixture(autouse=True)
def nothing_left_behind():
    yield
    interruption.left_behind.clear()


def signalled(number, begun):
    """Send this process a signal once work has begun."""

    def send():
        begun.wait()
        os.kill(os.getpid(), number)

    threading.Thread(target=send).start()


def test_work_gives_its_value_or_its_error():
    assert run_interruptibly(lambda: 3, 1) == 3
    with pytest.raises(LookupError, match="no"):
        run_interruptibly(lambda: (_ for _ in ()).throw(LookupError("no")), 1)


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_a_signal_stops_work_that_names_a_way(number, error):
    begun, stopped = threading.Event(), threading.Event()

    def work():
        with on_interrupt(stopped.set):
            begun.set()
            assert stopped.wait(30)

    signalled(number, begun)
    with raise_terminated(), pytest.raises(error):
        run_interruptibly(work, 20)
    assert stopped.is_set()
    assert not interruption.left_behind.is_set()


def test_work_that_cannot_be_stopped_is_left_behind():
    begun, end = threading.Event(), threading.Event()

    def work():
        begun.set()
        end.wait(30)

    signalled(signal.SIGINT, begun)
    with pytest.raises(KeyboardInterrupt):
        run_interruptibly(work, 0.2)
    assert interruption.left_behind.is_set()
    end.set()


def test_one_that_fails_to_stop_does_not_keep_the_others():
    stopped = threading.Event()
    with on_interrupt(lambda: 1 / 0), on_interrupt(stopped.set):
        interrupt_running()
    assert stopped.is_set()


def test_another_handler_of_sigterm_stays():
    noted = []
    before = signal.signal(signal.SIGTERM, lambda *_: noted.append(1))
    try:
        with raise_terminated():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0)
        assert noted == [1]
    finally:
        signal.signal(signal.SIGTERM, before)
    with raise_terminated():
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == before
