"""Run an operator over batches: in this process where there are few, else in worker processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace

import pyarrow as pa

from lakehouse.embedded.operator_workers import (
    MOST_LOST,
    Clock,
    Results,
    SourceFiles,
    WorkerLostError,
    Workers,
    file_states,
)
from lakehouse.engine.operator_runner import Runner
from lakehouse.errors import FlowError
from lakehouse.interruption import on_interrupt
from lakehouse.scratch_folder import scratch_folder

# Seconds in an operator after which the rest of its batches go to worker processes, whose start costs about as much.
_INLINE_SECONDS = 2.0
# Batches queued per worker, so that it need not wait.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Endangered:
    """How an operator is called that bad rows may end or hold up.

    Args:
        seconds: Time that it may take for a batch, all of which then go to worker processes; 0 for no limit.
        rejected: Makes a rejected row of a row and the reason; None where that cannot be done.
    """

    seconds: float = 0.0
    rejected: Callable[[pa.RecordBatch, str], pa.RecordBatch] | None = None


def run_operator(
    runner: Runner, batches: Iterable[pa.RecordBatch], clock: Clock, endangered: Endangered | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield an operator's results, in the order of its batches.

    Args:
        runner: Calls the operator; its clock is not used.
        batches: Its batches.
        clock: Receives the seconds spent in the operator, added up over workers.
        endangered: What becomes of rows that a worker process does not survive.

    Raises:
        FlowError: If the operator fails, or worker processes die for another reason than a few rows.
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
        try:
            yield from _results(runner, until_stopped(), clock, endangered or Endangered(), stopped)
        except WorkerLostError as lost:  # workers that were stopped, and are not to start again
            raise FlowError(f"{runner.flow} was interrupted: a worker process {lost}", "run it again") from None


def _results(
    runner: Runner,
    rest: Iterator[pa.RecordBatch],
    clock: Clock,
    endangered: Endangered,
    stopped: threading.Event,
) -> Iterator[pa.RecordBatch]:
    apart = endangered.seconds > 0
    alone = not _importable(runner) or (os.cpu_count() == 1 and not apart)
    spent = 0.0
    while alone or (spent < _INLINE_SECONDS and not apart):
        batch = next(rest, None)
        if batch is None:
            return
        own = Clock()
        yield from replace(runner, clock=own)([batch])
        spent += own.seconds
        clock.add(own.seconds)
    yield from _in_workers(runner, rest, clock, endangered, stopped)


def _source_files(runner: Runner) -> SourceFiles:
    """Return time of change and size of each file of the operator's package that this process has loaded."""
    root = runner.function.__module__.partition(".")[0]
    loaded = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == root]
    return file_states(str(module.__file__) for module in loaded if getattr(module, "__file__", None))


def _in_workers(
    runner: Runner,
    batches: Iterable[pa.RecordBatch],
    clock: Clock,
    endangered: Endangered,
    stopped: threading.Event,
) -> Iterator[pa.RecordBatch]:
    count = os.cpu_count() or 1
    with scratch_folder("results") as folder:
        workers = Workers(runner, _source_files(runner), folder, count, endangered.seconds)
        narrowed = _Narrowed(workers, runner, clock, endangered, stopped)
        waiting: deque[tuple[pa.RecordBatch, Future[Results]]] = deque()

        def oldest() -> Iterator[pa.RecordBatch]:
            batch, future = waiting.popleft()
            try:
                results = workers.result(future)
            except WorkerLostError as lost:
                if stopped.is_set():
                    raise
                # Which batch it was at is not known: the oldest is tried again alone, the others after it.
                again = [other for other, _ in waiting]
                waiting.clear()
                workers.restart()
                yield from narrowed.results(batch, str(lost))
                waiting.extend((other, workers.submit(other)) for other in again)
                return
            clock.add(results.seconds)
            yield from results.rows()

        try:
            for batch in batches:
                waiting.append((batch, workers.submit(batch)))
                while len(waiting) >= count * _AHEAD:
                    yield from oldest()
            while waiting:
                yield from oldest()
        finally:
            workers.stop()


class _Narrowed:
    """Tries a batch again that a worker was lost with, in halves where that fails, until the rows at fault are found.

    Args:
        workers: The workers, of which nothing else is asked meanwhile.
        runner: Calls the operator.
        clock: Receives the seconds spent in the operator.
        endangered: What becomes of a row at fault.
        stopped: Whether the run was interrupted, which ends workers, too.
    """

    def __init__(
        self, workers: Workers, runner: Runner, clock: Clock, endangered: Endangered, stopped: threading.Event
    ) -> None:
        self._workers, self._runner, self._clock, self._endangered = workers, runner, clock, endangered
        self._stopped = stopped
        self._lost = 0

    def results(self, batch: pa.RecordBatch, first: str) -> Iterator[pa.RecordBatch]:
        """Yield the results of a batch, rejected rows for those at fault.

        Args:
            batch: The batch.
            first: How a worker was lost.

        Raises:
            FlowError: If rows cannot be rejected, or too many are at fault.
        """
        if self._endangered.rejected is None:
            raise self._error(first)
        try:
            results = self._workers.result(self._workers.submit(batch))
        except WorkerLostError as lost:
            if self._stopped.is_set():
                raise
            self._workers.restart()
            if batch.num_rows > 1:
                half = batch.num_rows // 2
                yield from self.results(batch.slice(0, half), str(lost))
                yield from self.results(batch.slice(half), str(lost))
                return
            self._lost += 1
            if self._lost > MOST_LOST:
                raise self._error(f"{lost}, as were those of {MOST_LOST} rows before") from None
            yield self._endangered.rejected(batch, f"the process of the operator {lost}")
            return
        self._clock.add(results.seconds)
        yield from results.rows()

    def _error(self, how: str) -> FlowError:
        return FlowError(
            f"{self._runner.flow}: a worker process {how} ({self._runner.place})",
            "it may have run out of memory: lower batch_rows of the flow, or run it with --engine spark",
        )


def _importable(runner: Runner) -> bool:
    """Whether a new process can import the operator and its arguments: nothing defined in a notebook or a function."""
    try:
        return b"__main__" not in pickle.dumps(runner)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
