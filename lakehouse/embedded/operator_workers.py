"""Worker processes that call an operator, and what is done where one of them dies or does not come back."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from lakehouse.embedded.row_file import RowFile, Stream, write_rows
from lakehouse.engine.operator_runner import Runner
from lakehouse.errors import FlowError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

# Results of one batch above which a worker writes them to a file.
_IN_MEMORY_BYTES = 64 << 20
# Rows that workers did not survive, after which a flow fails: the operator is at fault, not the rows.
MOST_LOST = 20

type SourceFiles = dict[str, tuple[int, int]]


class Clock:
    """Adds up the seconds spent in an operator."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Add some seconds."""
        self.seconds += seconds


class WorkerLostError(Exception):
    """A worker process died, or did not come back in time; the message says which."""


class Results(NamedTuple):
    """What a worker made of one batch: the results themselves, or, where they are large, a file of them.

    Args:
        batches: The results; none where they are in a file.
        file: The file, which the receiver deletes.
        seconds: Seconds spent in the operator.
    """

    batches: list[pa.RecordBatch]
    file: RowFile | None
    seconds: float

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Yield the results; a file of them is deleted."""
        yield from self.batches
        if self.file is not None:
            try:
                yield from self.file.batches()
            finally:
                self.file.path.unlink(missing_ok=True)


class Workers:
    """Processes that each have the operator.

    Args:
        runner: Calls the operator.
        sources: Its files, as this process has loaded them.
        folder: Where large results are kept.
        count: How many processes.
        seconds: Time after which one that is at a batch is ended; 0 for no limit.
    """

    def __init__(self, runner: Runner, sources: SourceFiles, folder: Path, count: int, seconds: float) -> None:
        self._arguments = (runner, sources, folder)
        self._count = count
        self._seconds = seconds
        self._start()

    def submit(self, batch: pa.RecordBatch) -> Future[Results]:
        """Have a worker call the operator for a batch."""
        try:
            return self._pool.submit(_work, batch)
        except BrokenProcessPool as error:  # since the last call; whoever waits for the batch gets the error
            failed: Future[Results] = Future()
            failed.set_exception(error)
            return failed

    def result(self, future: Future[Results]) -> Results:
        """Wait for a batch's results.

        Raises:
            WorkerLostError: If a worker died, or was at it for too long.
        """
        try:
            return future.result(self._seconds or None)
        except TimeoutError:
            if future.done():  # the operator's own
                raise
            for process in self._processes:
                process.kill()
            raise WorkerLostError(f"took longer than {self._seconds:g} s") from None
        except BrokenProcessPool:
            raise WorkerLostError(self._ending()) from None

    def restart(self) -> None:
        """Start anew after a loss."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """Let go of the processes."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        self._processes: list[SpawnProcess] = []
        context = _Context(self._processes.append)
        self._pool = ProcessPoolExecutor(self._count, mp_context=context, initializer=_begin, initargs=self._arguments)

    def _ending(self) -> str:
        """Say how the worker ended; the pool ends the others by SIGTERM."""
        codes = []
        for process in self._processes:
            process.join(1)
            codes.append(process.exitcode or 0)
        signals = [-code for code in codes if code < 0]
        number = next((found for found in signals if found != signal.SIGTERM), next(iter(signals), 0))
        if number:
            return f"was ended by {signal.Signals(number).name}"
        return f"ended with exit code {next((code for code in codes if code), 0)}"


_runner: Runner | None = None
_changed = ""
_folder = Path()


def _begin(runner: Runner, sources: SourceFiles, folder: Path) -> None:
    """Keep the operator, which this process imported again: its files may have changed meanwhile."""
    global _runner, _changed, _folder  # noqa: PLW0603 - one a worker process
    threading.Thread(target=_end_with_parent, name="mixlake-parent", daemon=True).start()
    _runner, _folder = runner, folder
    now = file_states(sources)
    _changed = next((path for path, state in sources.items() if now.get(path) != state), "")


def file_states(paths: Any) -> SourceFiles:
    """Return time of change and size of each file that is there."""
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):  # in an archive
            status = Path(path).stat()
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _end_with_parent() -> None:
    """End this process once its parent has ended, however it did."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(batch: pa.RecordBatch) -> Results:
    if _runner is None:
        raise RuntimeError("the worker was not given an operator")
    if _changed:
        raise FlowError(f"{_runner.flow}: {_changed} changed while it ran; nothing was committed", "run it again")
    clock = Clock()
    results = replace(_runner, clock=clock)([batch])
    first: list[pa.RecordBatch] = []
    size = 0
    for part in results:
        first.append(part)
        size += part.nbytes
        if size > _IN_MEMORY_BYTES:
            file = write_rows(_folder, Stream(part.schema, itertools.chain(first, results)))
            return Results([], file, clock.seconds)
    return Results(first, None, clock.seconds)


_starting = threading.Lock()


class _Process(SpawnProcess):
    """A process that does not run the user's script again, which need not be guarded by ``__name__``."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 - its name in multiprocessing
        with _starting:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            # A terminal sends Ctrl-C to all processes; this one ends its workers.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                return SpawnProcess._Popen(process_obj)  # noqa: SLF001 - no public way
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
                sys.modules["__main__"] = main


class _Context(SpawnContext):
    """Makes processes and tells of each."""

    def __init__(self, tell: Callable[[SpawnProcess], object]) -> None:
        self._tell = tell

    def Process(self, *args: Any, **options: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802 - its name
        process = _Process(*args, **options)
        self._tell(process)
        return process
