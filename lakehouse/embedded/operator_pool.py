"""Run an operator over batches: in this process where there are few, else in worker processes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pyarrow as pa

from lakehouse.engine.operator_runner import Runner
from lakehouse.errors import FlowError

# Seconds in an operator after which the rest of its batches go to worker processes, whose start costs about as much.
_INLINE_SECONDS = 2.0
# Main programs that start nothing when they are imported.
_GUARDED = {"mixlake", "pytest", "ipykernel_launcher", "-"}
# Batches that a worker has at hand, so that it need not wait.
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
        clock: Is given the seconds spent in the operator, added up over workers.

    Raises:
        FlowError: If the operator fails, or a worker process is killed.
    """
    rest = iter(batches)
    workers = os.cpu_count() or 1
    alone = workers == 1 or not (_importable(runner) and _main_is_importable())
    spent = 0.0
    while alone or spent < _INLINE_SECONDS:
        batch = next(rest, None)
        if batch is None:
            return
        results, seconds = _call(runner, batch)
        spent += seconds
        clock.add(seconds)
        yield from results
    yield from _in_workers(runner, rest, clock, workers)


def _in_workers(
    runner: Runner, batches: Iterable[pa.RecordBatch], clock: Clock, workers: int
) -> Iterator[pa.RecordBatch]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(runner,)) as pool:
        waiting: deque[Future[tuple[list[pa.RecordBatch], float]]] = deque()
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


def _result(future: Future[tuple[list[pa.RecordBatch], float]], clock: Clock) -> list[pa.RecordBatch]:
    results, seconds = future.result()
    clock.add(seconds)
    return results


_runner: Runner | None = None


def _begin(runner: Runner) -> None:
    global _runner  # noqa: PLW0603 - one a worker process
    _runner = runner


def _work(batch: pa.RecordBatch) -> tuple[list[pa.RecordBatch], float]:
    if _runner is None:
        raise RuntimeError("the worker was not given an operator")
    return _call(_runner, batch)


def _call(runner: Runner, batch: pa.RecordBatch) -> tuple[list[pa.RecordBatch], float]:
    clock = Clock()
    timed = Runner(
        runner.flow, runner.place, runner.function, runner.params, runner.table, clock, runner.line, runner.one_to_one
    )
    return list(timed([batch])), clock.seconds


def _main_is_importable() -> bool:
    """Whether a fresh process may import the main module: a script without a guard would be run again."""
    main = sys.modules["__main__"]
    return getattr(main, "__spec__", None) is not None or Path(getattr(main, "__file__", "") or "-").stem in _GUARDED


def _importable(runner: Runner) -> bool:
    """Whether a fresh process can import the operator: not one of a notebook, or within a function."""
    if getattr(runner.function, "__module__", "__main__") == "__main__":
        return False
    try:
        pickle.dumps(runner)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True
