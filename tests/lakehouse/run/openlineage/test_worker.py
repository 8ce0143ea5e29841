from __future__ import annotations

import threading

from lakehouse.run.openlineage.worker import Worker


def test_items_are_handled_in_order_and_all_before_it_closes():
    found = []
    worker = Worker("test", found.append)
    for item in range(1000):
        worker.put(item)
    assert worker.close(30) == 0
    assert found == list(range(1000))
    worker.put(1000)
    assert len(found) == 1000


def test_closing_waits_no_longer_than_told_and_counts_what_is_left():
    gate, found = threading.Event(), []
    worker = Worker("test", lambda item: (gate.wait(30), found.append(item)))
    for item in range(3):
        worker.put(item)
    assert worker.close(0.05) == 3
    gate.set()
    worker._thread.join(30)
    assert len(found) <= 1  # the one that was under way
