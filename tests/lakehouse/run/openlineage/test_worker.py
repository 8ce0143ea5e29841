from __future__ import annotations

import threading

from lakehouse.run.openlineage.worker import Worker


def fail(error):
    raise AssertionError(error)


def test_steps_run_in_order_and_all_before_it_closes():
    found = []
    worker = Worker("test", fail)
    for item in range(1000):
        worker.put(lambda item=item: found.append(item))
    assert worker.close(30) == 0
    assert found == list(range(1000))
    worker.put(lambda: found.append(1000))
    assert len(found) == 1000


def test_closing_waits_no_longer_than_given_and_counts_what_is_left():
    gate, found = threading.Event(), []
    worker = Worker("test", fail)
    for item in range(3):
        worker.put(lambda item=item: (gate.wait(30), found.append(item)))
    assert worker.close(0.05) == 3
    gate.set()
    worker._thread.join(30)
    assert not worker._thread.is_alive()
    assert len(found) <= 1  # the one that was under way


def test_a_step_that_fails_is_reported_and_the_next_runs():
    errors, found = [], []
    worker = Worker("test", errors.append)
    worker.put(lambda: 1 / 0)
    worker.put(lambda: found.append(1))
    assert worker.close(30) == 0
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert found == [1]


def test_the_thread_keeps_no_process_alive():
    worker = Worker("test", fail)
    assert worker._thread.daemon
    worker.close(30)
