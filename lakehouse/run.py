"""Running a plan: stale flows in the order of their data, independent ones side by side."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import CollisionError, FlowError, MixlakeError
from lakehouse.graph import Graph
from lakehouse.lake import Lake
from lakehouse.outcome import Listener, Outcome, Report, Silent
from lakehouse.plan import FlowPlan, Plan, Snapshots, make_plan, plan_flow
from lakehouse.retraction import load_retractions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("mixlake.run")

_COLLISIONS = 3


@dataclass
class _Spark:
    """Starts Spark when the first flow needs it."""

    lake: Lake
    log_file: Path
    listener: Listener
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None

    def get(self) -> SparkSession:
        with self._lock:
            if self._session is None:
                from lakehouse.session import require_ready, start
                from lakehouse.ship import ship

                clock = time.monotonic()
                session = start(self.lake.config, self.log_file)
                require_ready(session, self.lake)
                ship(session, self.lake.config.modules, self.lake.config.root)
                self._session = session
                self.seconds = time.monotonic() - clock
                self.listener.session(self.seconds)
            found: SparkSession = self._session
            return found

    def sync_edges(self, run_id: str, *, start: bool = False) -> None:
        """Bring ``ledger.edges`` up to date, where Spark is up; what fails is made up for by the next run.

        Args:
            run_id: The run.
            start: Whether Spark is started for it.
        """
        if self._session is None and not start:
            return
        from lakehouse.edges.sync import sync_edges

        try:
            sync_edges(self.get(), self.lake, run_id)
        except Exception as error:
            told = str(error).strip().split("\n", 1)[0][:300]
            log.warning("ledger.edges could not be brought up to date: %s; the next run tries again", told)
            log.debug("the whole error", exc_info=True)


def run(  # noqa: PLR0913 - what a run may be told
    lake: Lake,
    select: tuple[str, ...] = (),
    *,
    full: bool = False,
    retry: bool = False,
    migrate: bool = False,
    listener: Listener | None = None,
) -> Report:
    """Run the selected flows that are stale.

    Tables that the run does not write are pinned when it starts; those that it writes are read at the
    version that it committed. A flow whose inputs turn out unchanged is not executed. Where a flow fails,
    flows that depend on it are skipped and the others go on.

    Args:
        lake: The lake.
        select: Words of a selection, see `lakehouse.graph`; none selects all.
        full: Process all rows again, also where only some changed.
        retry: Process again the rows from which rows were set aside.
        migrate: Write tables anew that their contracts no longer fit.
        listener: Told of the progress.

    Raises:
        UsageError: If a word selects nothing.
    """
    from lakehouse.lineage import sync_runs
    from lakehouse.openlineage.listen import listening
    from lakehouse.purge import purge
    from lakehouse.runlogs import clean_logs
    from lakehouse.settle import retract_quarantined

    clock = time.monotonic()
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    with listening(lake, run_id, listener or Silent()) as told:
        plan = make_plan(lake, select, full=full, retry=retry)
        told.planned(plan)
        spark = _Spark(lake, log_file(lake, run_id), told)
        outcomes = (
            _Scheduler(lake, plan, run_id, spark, told, retry=retry, migrate=migrate).outcomes()
            if plan.stale
            else [Outcome(item.flow.id, item.writes, "fresh") for item in plan.flows]
        )
        retract_quarantined(lake, spark.get, again=_set_aside_late(lake, plan, outcomes))
        sync_runs(lake)
        spark.sync_edges(run_id)
        purges = purge(
            lake,
            spark.get,
            sync=lambda: spark.sync_edges(run_id, start=True),
            clean=lambda: clean_logs(lake, spark.log_file),
            failed=[outcome.writes for outcome in outcomes if outcome.status in {"failed", "skipped"}],
        )
    return Report(
        run_id=run_id,
        outcomes=tuple(outcomes),
        seconds=time.monotonic() - clock,
        session_seconds=spark.seconds,
        log_file=str(spark.log_file) if spark.seconds else "",
        purges=tuple(purges),
    )


def _set_aside_late(lake: Lake, plan: Plan, outcomes: Iterable[Outcome]) -> bool:
    """Whether this run, or one before it, may have set rows aside that a retraction of meanwhile takes out."""
    if any(item.because("retraction") for item in plan.flows):
        return True
    known = [outcome.note.retraction for outcome in outcomes if outcome.note is not None and outcome.note.quarantine]
    return bool(known) and min(known) < load_retractions(lake).ordinal


def log_file(lake: Lake, run_id: str) -> Path:
    """Return where Spark's own words of a run go."""
    base = lake.config.root / ".mixlake" if "://" in lake.uri else Path(lake.uri) / "_logs"
    return base / f"spark-{run_id}.log"


class _Scheduler:
    """Executes a plan's flows as their inputs become ready."""

    def __init__(  # noqa: PLR0913 - what a run is
        self,
        lake: Lake,
        plan: Plan,
        run_id: str,
        spark: _Spark,
        listener: Listener,
        *,
        retry: bool = False,
        migrate: bool = False,
    ) -> None:
        self.retry = retry
        self.migrate = migrate
        self.lake = lake
        self.plan = plan
        self.run_id = run_id
        self.spark = spark
        self.listener = listener
        self.graph = Graph(lake.registry)
        self.seen = Snapshots(lake)
        names = {name for item in plan.flows for name in (item.writes, *item.inputs)}
        self.seen.prefetch(sorted(names))

    def outcomes(self) -> list[Outcome]:
        waiting = {item.flow.id for item in self.plan.flows}
        ended: dict[str, Outcome] = {}
        running: dict[Future[Outcome], str] = {}
        with ThreadPoolExecutor(self.lake.config.parallel) as pool:
            while waiting or running:
                for name in [n for n in self.graph.order if n in waiting and self._ready(n, ended)]:
                    waiting.discard(name)
                    failed = [
                        p for p in self.graph.parents[name] if p in ended and ended[p].status in {"failed", "skipped"}
                    ]
                    if failed:
                        ended[name] = self._tell(self._skipped(name, failed[0]))
                    else:
                        running[pool.submit(self._one, name)] = name
                if running:
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        ended[running.pop(future)] = self._tell(future.result())
        return list(ended.values())

    def _ready(self, name: str, ended: dict[str, Outcome]) -> bool:
        chosen = {item.flow.id for item in self.plan.flows}
        return all(parent in ended for parent in self.graph.parents[name] if parent in chosen)

    def _tell(self, outcome: Outcome) -> Outcome:
        self.listener.ended(outcome)
        return outcome

    def _skipped(self, name: str, because: str) -> Outcome:
        spec = self.lake.registry.flows[name]
        error = FlowError(f"{name} was skipped, since {because} failed", "mend that flow and run again")
        return Outcome(name, spec.writes.name, "skipped", error=error)

    def _one(self, name: str) -> Outcome:
        from lakehouse.execute import execute
        from lakehouse.orders import reopen

        spec = self.lake.registry.flows[name]
        clock = time.monotonic()
        for attempt in range(_COLLISIONS):
            try:
                # What this flow wrote last is looked up afresh: another run may have come in between.
                self.seen.forget(spec.writes.name)
                item = plan_flow(self.lake, self.graph, self.seen, spec, full=self.plan.full, retry=self.retry)
                self._inputs_are_there(item)
                if item.state == "fresh":
                    return Outcome(name, spec.writes.name, "fresh")
                if item.last is not None and item.because("retraction"):
                    reopen(self.lake, spec.writes, *item.last, item.retractions)
                self.listener.began(item)
                version, note = execute(self.spark.get(), self.lake, item, self.run_id, migrate=self.migrate)
                self.seen.forget(spec.writes.name)
            except CollisionError as error:
                log.info("%s", error)
                self.seen.forget(spec.writes.name)
                if attempt == _COLLISIONS - 1:
                    return Outcome(name, spec.writes.name, "failed", error=error, seconds=time.monotonic() - clock)
            except Exception as error:
                log.debug("%s failed", name, exc_info=True)
                told = error if isinstance(error, MixlakeError) else _unforeseen(name, error)
                return Outcome(name, spec.writes.name, "failed", error=told, seconds=time.monotonic() - clock)
            else:
                return Outcome(name, spec.writes.name, "done", version, note, seconds=time.monotonic() - clock)
        message = f"{name} was never committed"
        raise AssertionError(message)

    def _inputs_are_there(self, item: FlowPlan) -> None:
        """Refuse to take a table that is missing for an empty one.

        Raises:
            FlowError: If an input that a flow writes was never written, or is gone.
        """
        for name, version in item.inputs.items():
            if version >= 0 or name not in self.lake.registry.writers:
                continue
            gone = item.last is not None and name in item.last[1].inputs
            raise FlowError(
                f"{item.flow.id} reads {name}, which {'is gone' if gone else 'was never written'}",
                f"run its flow too: mixlake run +{item.writes}",
            )


def _unforeseen(name: str, error: Exception) -> FlowError:
    first = str(error).strip().split("\n", 1)[0][:300]
    return FlowError(f"{name} failed: {type(error).__name__}: {first}", "MIXLAKE_DEBUG=1 shows the whole error")
