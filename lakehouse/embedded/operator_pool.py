"""Run an operator over batches: in this process where there are few, else in worker processes."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
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
from lakehouse.interruption import on_interrupt
from lakehouse.scratch_folder import scratch_folder

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

# Seconds in an operator after which the rest of its batches go to worker processes, whose start costs about as much.
_INLINE_SECONDS = 2.0
# Results of one batch above which a worker writes them to a file.
_IN_MEMORY_BYTES = 64 << 20
# Batches queued per worker, so that it need not wait.
_AHEAD = 2


class Clock:
    """Adds up the seconds spent in an operator."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Add some seconds."""
        self.seconds += seconds


def run_operator(runner: Runner, batches: Iterable[pa.RecordBatch], clock: Clock) -> Iterator[pa.RecordBatch]:
    """Yield an operator's results, in the order of its batches.

    Args:
        runner: Calls the operator; its clock is not used.
        batches: Its batches.
        clock: Receives the seconds spent in the operator, added up over workers.

    Raises:
        FlowError: If the operator fails, or a worker process is killed.
    """
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        for worker in multiprocessing.active_children():
            worker.terminate()

    def until_stopped() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if stopped.is_set():
                raise FlowError(f"{runner.flow} was interrupted", "run it again")
            yield batch

    with on_interrupt(stop):
        yield from _results(runner, until_stopped(), clock)


def _results(runner: Runner, rest: Iterator[pa.RecordBatch], clock: Clock) -> Iterator[pa.RecordBatch]:
    sources = _source_files(runner)
    workers = os.cpu_count() or 1
    alone = workers == 1 or not _importable(runner)
    spent = 0.0
    while alone or spent < _INLINE_SECONDS:
        batch = next(rest, None)
        if batch is None:
            return
        own = Clock()
        yield from replace(runner, clock=own)([batch])
        spent += own.seconds
        clock.add(own.seconds)
    yield from _in_workers(runner, sources, rest, clock)


type SourceFiles = dict[str, tuple[int, int]]


def _source_files(runner: Runner) -> SourceFiles:
    """Return time of change and size of each file of the operator's package that this process has loaded."""
    root = runner.function.__module__.partition(".")[0]
    loaded = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == root]
    return _states(str(module.__file__) for module in loaded if getattr(module, "__file__", None))


def _states(paths: Iterable[str]) -> SourceFiles:
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):  # in an archive
            status = Path(path).stat()
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _in_workers(
    runner: Runner, sources: SourceFiles, batches: Iterable[pa.RecordBatch], clock: Clock
) -> Iterator[pa.RecordBatch]:
    workers = os.cpu_count() or 1
    with (
        scratch_folder("results") as folder,
        ProcessPoolExecutor(
            workers, mp_context=_Context(), initializer=_begin, initargs=(runner, sources, folder)
        ) as pool,
    ):
        waiting: deque[Future[_Results]] = deque()
        try:
            for batch in batches:
                waiting.append(pool.submit(_work, batch))
                while len(waiting) >= workers * _AHEAD:
                    yield from _result(waiting.popleft(), clock)
            while waiting:
                yield from _result(waiting.popleft(), clock)
        except BrokenProcessPool:
            raise FlowError(
                f"{runner.flow}: a worker process was killed ({runner.place})",
                "it may have run out of memory: lower batch_rows of the flow, or run it with --engine spark",
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _Results(NamedTuple):
    """What a worker made of one batch: the results themselves, or, where they are large, a file of them.

    Args:
        batches: The results; none where they are in a file.
        file: The file, which the receiver deletes.
        seconds: Seconds spent in the operator.
    """

    batches: list[pa.RecordBatch]
    file: RowFile | None
    seconds: float


def _result(future: Future[_Results], clock: Clock) -> Iterator[pa.RecordBatch]:
    results = future.result()
    clock.add(results.seconds)
    yield from results.batches
    if results.file is not None:
        try:
            yield from results.file.batches()
        finally:
            results.file.path.unlink(missing_ok=True)


_runner: Runner | None = None
_changed = ""
_folder = Path()


def _begin(runner: Runner, sources: SourceFiles, folder: Path) -> None:
    """Keep the operator, which this process imported again: its files may have changed meanwhile."""
    global _runner, _changed, _folder  # noqa: PLW0603 - one a worker process
    threading.Thread(target=_end_with_parent, name="mixlake-parent", daemon=True).start()
    _runner, _folder = runner, folder
    now = _states(sources)
    _changed = next((path for path, state in sources.items() if now.get(path) != state), "")


def _end_with_parent() -> None:
    """End this process once its parent has ended, however it did."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(batch: pa.RecordBatch) -> _Results:
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
            return _Results([], file, clock.seconds)
    return _Results(first, None, clock.seconds)


def _importable(runner: Runner) -> bool:
    """Whether a new process can import the operator and its arguments: nothing defined in a notebook or a function."""
    try:
        return b"__main__" not in pickle.dumps(runner)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False


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
    Process = _Process
