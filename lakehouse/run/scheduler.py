"""Execute the flows of a plan as their inputs become ready, independent ones in parallel."""

from __future__ import annotations

import dataclasses
import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from lakehouse.declare.flow import Flow
from lakehouse.delta.retry import retry
from lakehouse.embedded.engine import EmbeddedEngine
from lakehouse.engine import Engine
from lakehouse.errors import CollisionError, FlowError, MixlakeError, first_line
from lakehouse.execute.execute_flow import execute_flow
from lakehouse.ledger.retractions import reopen_orders
from lakehouse.plan.engine_choice import choose_engine
from lakehouse.plan.plan import FlowPlan, Plan, plan_flow
from lakehouse.plan.table_state import TableStates
from lakehouse.project import Project
from lakehouse.run.listener import Listener
from lakehouse.run.report import FlowResult
from lakehouse.run.spark_session import SparkHandle
from lakehouse.spark.engine import SparkEngine

log = logging.getLogger("mixlake.run")

_ATTEMPTS = 3
_FAILED = {"failed", "skipped"}


@dataclass(frozen=True, slots=True)
class RunContext:
    """What the flows of one run share.

    Args:
        project: The project.
        plan: The plan of the selected flows.
        run_id: The run.
        spark: Starts Spark when a flow needs it.
        listener: Called as flows begin and end.
        retry: Whether quarantined rows are processed again.
        migrate: Whether tables whose contracts changed incompatibly are rewritten.
    """

    project: Project
    plan: Plan
    run_id: str
    spark: SparkHandle
    listener: Listener
    retry: bool = False
    migrate: bool = False


class Scheduler:
    """Executes the flows of a run as their inputs become ready.

    Args:
        run: The run.
    """

    def __init__(self, run: RunContext) -> None:
        self.run = run
        self.graph = run.plan.graph
        self.selected = {item.flow.id for item in run.plan.flows}
        self.tables = TableStates(run.project)
        self.tables.prefetch([name for item in run.plan.flows for name in (item.writes, *item.inputs)])

    def results(self) -> list[FlowResult]:
        """Execute the flows and return one result each, in the order in which they ended."""
        waiting = [name for name in self.graph.order if name in self.selected]
        ended: dict[str, FlowResult] = {}
        running: dict[Future[FlowResult], str] = {}
        with ThreadPoolExecutor(self.run.project.config.parallel) as pool:
            while waiting or running:
                for name in list(waiting):
                    parents = [parent for parent in self.graph.parents[name] if parent in self.selected]
                    if not all(parent in ended for parent in parents):
                        continue
                    waiting.remove(name)
                    failed = [parent for parent in parents if ended[parent].status in _FAILED]
                    if failed:
                        ended[name] = self._end(self._skipped(name, failed[0]))
                    else:
                        running[pool.submit(self._run_flow, name)] = name
                if running:
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        ended[running.pop(future)] = self._end(future.result())
        return list(ended.values())

    def _end(self, result: FlowResult) -> FlowResult:
        self.run.listener.ended(result)
        return result

    def _skipped(self, name: str, failed: str) -> FlowResult:
        error = FlowError(f"{name} was skipped, since {failed} failed", "fix that flow and run again")
        return FlowResult(name, self.run.project.registry.flows[name].writes.name, "skipped", error=error)

    def _run_flow(self, name: str) -> FlowResult:
        spec = self.run.project.registry.flows[name]
        clock = time.monotonic()
        collision = CollisionError(
            f"other runs committed to {spec.writes.name} first, {_ATTEMPTS} times", "run again once they have ended"
        )
        try:
            result = retry(lambda: self._attempt(spec), collision, _ATTEMPTS)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # A panic of Polars, or of another library in Rust, is no Exception.
            log.debug("%s failed", name, exc_info=True)
            failure = error if isinstance(error, MixlakeError) else _unexpected(name, error)
            result = FlowResult(name, spec.writes.name, "failed", error=failure)
        return result if result.status == "fresh" else dataclasses.replace(result, seconds=time.monotonic() - clock)

    def _attempt(self, spec: Flow) -> FlowResult | None:
        """Plan the flow by its table as it is now, since another run may have written it, and execute it.

        Returns:
            The result, None if another run committed first.
        """
        run, table = self.run, spec.writes.name
        try:
            self.tables.invalidate(table)
            item = plan_flow(self.tables, spec, full=run.plan.full, retry=run.retry)
            self._require_inputs(item)
            if item.state == "fresh":
                return FlowResult(spec.id, table, "fresh")
            if item.last is not None and item.has_cause("retraction"):
                reopen_orders(run.project.catalog, spec.writes, *item.last, item.retractions)
            run.listener.began(item)
            version, note = execute_flow(self._engine(item), run.project, item, run.run_id, migrate=run.migrate)
        except CollisionError as error:
            log.info("%s", error)
            return None
        finally:
            self.tables.invalidate(table)
        return FlowResult(spec.id, table, "done", version, note)

    def _engine(self, item: FlowPlan) -> Engine:
        choice = choose_engine(self.run.project, item)
        log.debug("%s runs on %s: %s", item.flow.id, choice.engine, choice.reason)
        if choice.engine == "embedded":
            return EmbeddedEngine(self.run.project, choice.reason)
        return SparkEngine(self.run.spark.get(), self.run.project, reason=choice.reason)

    def _require_inputs(self, item: FlowPlan) -> None:
        """Check that a missing table is not read as an empty one.

        Raises:
            FlowError: If an input that a flow writes was never written, or is gone.
        """
        for name, version in item.inputs.items():
            if version >= 0 or name not in self.run.project.registry.writers:
                continue
            gone = item.last is not None and name in item.last.note.inputs
            raise FlowError(
                f"{item.flow.id} reads {name}, which {'is gone' if gone else 'was never written'}",
                f"run its flow too: mixlake run +{item.writes}",
            )


def _unexpected(name: str, error: BaseException) -> FlowError:
    return FlowError(
        f"{name} failed: {type(error).__name__}: {first_line(error)}", "MIXLAKE_DEBUG=1 shows the whole error"
    )
