from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from lakehouse import interruption
from lakehouse.query.statement_thread import DeadlineError, StatementThread


@pytest.fixture
def thread():
    stopped = threading.Event()
    made = StatementThread(stopped.set)
    made.stopped = stopped
    yield made
    made.close()
    interruption.left_behind.clear()


def test_calls_run_in_one_thread_and_may_call_again(thread):
    here = threading.get_ident()
    other = thread.run(threading.get_ident)
    assert other != here
    assert thread.run(lambda: thread.run(threading.get_ident)) == other
    with pytest.raises(StopIteration):
        thread.run(lambda: next(iter([])))
    assert thread.run(lambda: 4) == 4


def test_a_deadline_interrupts(thread):
    with pytest.raises(DeadlineError):
        thread.run(lambda: thread.stopped.wait(30), time.monotonic() + 0.05)
    assert thread.stopped.is_set()
    assert not thread.is_left_behind
    assert thread.run(lambda: 5, time.monotonic() + 30) == 5


def test_ctrl_c_interrupts(thread):
    def work():
        os.kill(os.getpid(), signal.SIGINT)
        return thread.stopped.wait(30)

    with pytest.raises(KeyboardInterrupt):
        thread.run(work)
    assert thread.stopped.is_set()
    assert not thread.is_left_behind


def test_what_goes_on_all_the_same_is_left_behind(thread):
    end = threading.Event()
    with pytest.raises(DeadlineError):
        thread.run(lambda: end.wait(30), time.monotonic() + 0.01)
    assert thread.is_left_behind
    assert interruption.left_behind.is_set()
    end.set()


def test_one_that_nothing_was_given_to_closes():
    StatementThread(lambda: None).close()
