from __future__ import annotations

import os
import signal
import time

import pytest

from jobs.acquire.child_process import in_child
from jobs.acquire.file_guard import RejectedError


def count(most):
    yield from range(most)


def pid():
    print("noise on standard output")
    yield os.getpid()


def fail(words):
    yield 1
    raise ValueError(words)


def die(number):
    yield 1
    os.kill(os.getpid(), number)


def eat(size):
    yield 1
    yield len(bytearray(os.urandom(1)) * size)


def sleep(seconds):
    yield 1
    time.sleep(seconds)


def read(function, *arguments, **how):
    """What came, and the reason why no more did."""
    found = []
    try:
        found.extend(in_child(function, *arguments, **how))
    except RejectedError as rejected:
        return found, str(rejected)
    return found, ""


def test_values_come_from_another_process_which_is_kept():
    assert read(count, 3) == ([0, 1, 2], "")
    ((first,), _), ((second,), _) = read(pid), read(pid)
    assert first == second != os.getpid()


@pytest.mark.parametrize(
    ("function", "argument", "words"),
    [
        (fail, "what a library says", "it cannot be read: what a library says"),
        (die, signal.SIGSEGV, "the library that reads it ended with SIGSEGV"),
        (die, signal.SIGABRT, "the library that reads it ended with SIGABRT"),
        (eat, 1 << 30, "it cannot be read: MemoryError"),
        (sleep, 60, "its reading took more than 0.5 s, and was ended"),
    ],
    ids=["raises", "crashes", "aborts", "eats memory", "hangs"],
)
def test_whatever_happens_there_is_a_reason_and_the_next_call_works(function, argument, words):
    # Long enough for a new process to begin; the limit that is tested is of one that runs.
    list(in_child(count, 1, memory=512 << 20))
    found, reason = read(function, argument, memory=512 << 20, seconds=0.5 if function is sleep else 30)
    assert found == [1]
    assert words in reason
    assert read(count, 2, memory=512 << 20) == ([0, 1], "")


def test_a_reader_that_is_left_early_is_ended():
    values = in_child(count, 1 << 40)
    assert next(values) == 0
    values.close()
    assert read(count, 2) == ([0, 1], "")
