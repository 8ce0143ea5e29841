"""Read untrusted files in a process of its own: what crashes, hangs or eats memory there is one file's problem.

Libraries of compiled code may be ended by a damaged file, and a small file may unpack to more than a machine has.
The process is kept for the next file, has a bound on its memory, and is killed where it is silent for too long.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from jobs.acquire.file_guard import RejectedError, guarded

# Bytes of memory of a child, and seconds in which it must give the next item.
MEMORY, SECONDS = 4 << 30, 60.0
_LENGTH = struct.Struct("<Q")
_PIECE = 1 << 20
_ITEM, _END, _REFUSED = range(3)
# One thread and no reserves, so that the bound is of what files need.
_SETTINGS = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}

_idle: list[_Child] = []
_taking = threading.Lock()


def in_child[T](
    function: Callable[..., Iterator[T]], *arguments: Any, memory: int = MEMORY, seconds: float = SECONDS
) -> Iterator[T]:
    """Yield what a function yields in a process of its own.

    Args:
        function: A function of a module, which yields values that can be pickled.
        arguments: Its arguments.
        memory: Bytes of memory that the process may have.
        seconds: Seconds in which it must yield the next value, or end.

    Raises:
        RejectedError: If the function raises anything, or the process is ended or takes too long.
    """
    child = _take(memory)
    whole = False
    try:
        child.send(function, arguments)
        while True:
            kind, value = child.receive(seconds)
            if kind == _ITEM:
                yield value
                continue
            whole = True
            if kind == _REFUSED:
                raise RejectedError(value)
            return
    finally:
        if whole:
            with _taking:
                _idle.append(child)
        else:
            child.kill()


class _Child:
    """A process that waits for calls."""

    def __init__(self, memory: int) -> None:
        self.memory, self.parent = memory, os.getpid()
        environment = {**os.environ, **_SETTINGS, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jobs.acquire.child_process", str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    @property
    def usable(self) -> bool:
        """Whether it is this process's own, and alive."""
        return self.parent == os.getpid() and self._process.poll() is None

    def send(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Begin a call."""
        with contextlib.suppress(BrokenPipeError):  # it is dead, which receiving tells
            _write(_pipe(self._process.stdin), (function, arguments))

    def receive(self, seconds: float) -> tuple[int, Any]:
        """Return the next value of a call and its kind.

        Raises:
            RejectedError: If the process has ended, or has nothing to say in time.
        """
        pipe = _pipe(self._process.stdout)
        until = time.monotonic() + seconds
        data = bytearray()
        wanted = _LENGTH.size
        while len(data) < wanted:
            if not select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
                raise RejectedError(f"its reading took more than {seconds:g} s, and was ended")
            piece = os.read(pipe.fileno(), min(wanted - len(data), _PIECE))
            if not piece:
                raise RejectedError(self._ending())
            data += piece
            if wanted == _LENGTH.size == len(data):
                wanted += _LENGTH.unpack(data)[0]
        answer: tuple[int, Any] = pickle.loads(memoryview(data)[_LENGTH.size :])  # noqa: S301 - our own process
        return answer

    def _ending(self) -> str:
        status = self._process.wait()
        name = signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"the library that reads it ended with {name}: it is damaged, or needs more than {self.memory >> 20} MiB"

    def kill(self) -> None:
        """End the process."""
        if self.parent == os.getpid():
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                _pipe(pipe).close()


def _take(memory: int) -> _Child:
    with _taking:
        while _idle:
            child = _idle.pop()
            if child.usable and child.memory == memory:
                return child
            child.kill()
    return _Child(memory)


@atexit.register
def _end() -> None:
    while _idle:
        _idle.pop().kill()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("the process has no pipe")
    return pipe


def _write(pipe: IO[bytes], value: Any) -> None:
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _serve(memory: int) -> None:
    """Answer calls until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    calls = sys.stdin.buffer
    # What a library prints must not stand among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    while head := calls.read(_LENGTH.size):
        function, arguments = pickle.loads(calls.read(_LENGTH.unpack(head)[0]))  # noqa: S301 - our parent's
        try:
            with guarded("it cannot be read"):
                for item in function(*arguments):
                    _write(answers, (_ITEM, item))
        except RejectedError as rejected:
            _write(answers, (_REFUSED, str(rejected)))
        else:
            _write(answers, (_END, None))


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
