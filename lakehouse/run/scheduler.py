"""Schedule the flows of a plan, independent ones in parallel."""

from __future__ import annotations

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from lakehouse.errors import CollisionError, FlowError, MixlakeError, first_line
from lakehouse.execute.execute_flow import execute
from lakehouse.ledger.retractions import reopen_purge
from lakehouse.plan.graph import Graph
from lakehouse.plan.plan import FlowPlan, Plan, plan_flow
from lakehouse.plan.table_state import TableStates
from lakehouse.project import Project
from lakehouse.run.listener import Listener
from lakehouse.run.report import FlowResult
from lakehouse.run.spark_session import SparkHandle

log = logging.getLogger("mixlake.run")

_COLLISIONS = 3


class Scheduler:
    """Executes a plan's flows as their inputs become ready."""

    def __init__(  # noqa: PLR0913 - what a run is
        self,
        project: Project,
        plan: Plan,
        run_id: str,
        spark: SparkHandle,
        listener: Listener,
        *,
        retry: bool = False,
        migrate: bool = False,
    ) -> None:
        self.retry = retry
        self.migrate = migrate
        self.project = project
        self.plan = plan
        self.run_id = run_id
        self.spark = spark
        self.listener = listener
        self.graph = Graph(project.registry)
        self.seen = TableStates(project)
        names = {name for item in plan.flows for name in (item.writes, *item.inputs)}
        self.seen.prefetch(sorted(names))

    def results(self) -> list[FlowResult]:
        """Execute the flows and return one result each, in the order in which they ended."""
        waiting = {item.flow.id for item in self.plan.flows}
        ended: dict[str, FlowResult] = {}
        running: dict[Future[FlowResult], str] = {}
        with ThreadPoolExecutor(self.project.config.parallel) as pool:
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

    def _ready(self, name: str, ended: dict[str, FlowResult]) -> bool:
        chosen = {item.flow.id for item in self.plan.flows}
        return all(parent in ended for parent in self.graph.parents[name] if parent in chosen)

    def _tell(self, result: FlowResult) -> FlowResult:
        self.listener.ended(result)
        return result

    def _skipped(self, name: str, because: str) -> FlowResult:
        spec = self.project.registry.flows[name]
        error = FlowError(f"{name} was skipped, since {because} failed", "mend that flow and run again")
        return FlowResult(name, spec.writes.name, "skipped", error=error)

    def _one(self, name: str) -> FlowResult:
        spec = self.project.registry.flows[name]
        clock = time.monotonic()
        for attempt in range(_COLLISIONS):
            try:
                # What this flow wrote last is looked up afresh: another run may have come in between.
                self.seen.invalidate(spec.writes.name)
                item = plan_flow(self.seen, spec, full=self.plan.full, retry=self.retry)
                self._inputs_are_there(item)
                if item.state == "fresh":
                    return FlowResult(name, spec.writes.name, "fresh")
                if item.last is not None and item.because("retraction"):
                    reopen_purge(self.project.catalog, spec.writes, *item.last, item.retractions)
                self.listener.began(item)
                version, note = execute(self.spark.get(), self.project, item, self.run_id, migrate=self.migrate)
                self.seen.invalidate(spec.writes.name)
            except CollisionError as error:
                log.info("%s", error)
                self.seen.invalidate(spec.writes.name)
                if attempt == _COLLISIONS - 1:
                    return FlowResult(name, spec.writes.name, "failed", error=error, seconds=time.monotonic() - clock)
            except Exception as error:
                log.debug("%s failed", name, exc_info=True)
                told = error if isinstance(error, MixlakeError) else _unexpected(name, error)
                return FlowResult(name, spec.writes.name, "failed", error=told, seconds=time.monotonic() - clock)
            else:
                return FlowResult(name, spec.writes.name, "done", version, note, seconds=time.monotonic() - clock)
        message = f"{name} was never committed"
        raise AssertionError(message)

    def _inputs_are_there(self, item: FlowPlan) -> None:
        """Refuse to take a table that is missing for an empty one.

        Raises:
            FlowError: If an input that a flow writes was never written, or is gone.
        """
        for name, version in item.inputs.items():
            if version >= 0 or name not in self.project.registry.writers:
                continue
            gone = item.last is not None and name in item.last[1].inputs
            raise FlowError(
                f"{item.flow.id} reads {name}, which {'is gone' if gone else 'was never written'}",
                f"run its flow too: mixlake run +{item.writes}",
            )


def _unexpected(name: str, error: Exception) -> FlowError:
    return FlowError(
        f"{name} failed: {type(error).__name__}: {first_line(error)}", "MIXLAKE_DEBUG=1 shows the whole error"
    )
