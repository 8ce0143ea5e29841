"""Listening to a run and telling its events.

What the run calls only notes the time and hands over; events are made, written and sent in threads of their own.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakehouse.declare.openlineage_config import Settings, foreign_transport
from lakehouse.errors import MachineError
from lakehouse.plan.plan import FlowPlan, Plan
from lakehouse.project import Project
from lakehouse.run.listener import CompositeListener, Listener
from lakehouse.run.openlineage.events import Events
from lakehouse.run.openlineage.file import events_file
from lakehouse.run.openlineage.transports import File, Remote
from lakehouse.run.openlineage.worker import Worker
from lakehouse.run.report import Outcome

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent


log = logging.getLogger("mixlake.openlineage")

# Making the last events reads a commit's log each; sending them waits for others.
_MAKE_SECONDS = 10.0
_SEND_SECONDS = 3.0


@contextmanager
def listening(project: Project, run_id: str, listener: Listener) -> Iterator[Listener]:
    """Return a listener that tells the given one, and emits OpenLineage events where they are wanted.

    Args:
        project: The lake, whose configuration says where events go.
        run_id: The run.
        listener: Another listener of the run.

    Raises:
        MachineError: If events were asked for and openlineage-python is not installed.
    """
    settings = project.config.openlineage
    if not settings.enabled or not _installed(settings):
        yield listener
        return
    emitter = Emitter(project, run_id, settings)
    try:
        yield CompositeListener(listener, emitter)
    except BaseException:
        emitter.close(stopped=True)
        raise
    emitter.close()


class Emitter:
    """A listener that emits a run's events.

    The run's START has the time at which the run began to listen; it is told with the first flow that is executed,
    so that a run that finds nothing to do tells nothing.

    Args:
        lake: The lake.
        run_id: The run.
        settings: Where events go.
    """

    def __init__(self, project: Project, run_id: str, settings: Settings) -> None:
        self.project = project
        self.run_id = run_id
        self.settings = settings
        self._began = _now()
        self._planned: dict[str, FlowPlan] = {}
        # What follows belongs to the thread that makes events.
        self._events: Events | None = None
        self._file: File | None = None
        self._remote: Remote | None = None
        self._running: dict[str, FlowPlan] = {}
        self._failed = False
        self._broken = False
        self._worker: Worker[Callable[[], None]] = Worker("openlineage", self._guarded)

    def planned(self, plan: Plan) -> None:
        """Take note of the plan; the classes of events are loaded while Spark starts."""
        self._planned = {item.flow.id: item for item in plan.flows}
        if plan.stale:
            self._worker.put(_load)

    def session(self, seconds: float) -> None:
        """Take no note."""

    def began(self, item: FlowPlan) -> None:
        """Tell that a flow is being executed."""
        at = _now()
        self._worker.put(lambda: self._start(item, at))

    def ended(self, outcome: Outcome) -> None:
        """Tell that a flow has ended."""
        at = _now()
        self._worker.put(lambda: self._end(outcome, at))

    def close(self, *, stopped: bool = False) -> None:
        """Tell that the run has ended, and wait for its events, not for long.

        Args:
            stopped: Whether the run was broken off.
        """
        at = _now()
        self._worker.put(lambda: self._finish(at, stopped=stopped))
        if self._worker.close(_MAKE_SECONDS):
            log.warning("not all OpenLineage events could be made within %g s", _MAKE_SECONDS)
        if self._remote is not None:
            self._remote.close(_SEND_SECONDS)

    def _start(self, item: FlowPlan, at: datetime, *, pinned: bool = True) -> None:
        again = item.flow.id in self._running
        self._running[item.flow.id] = item
        if not again:  # else another run came first, and it was planned anew: one execution, one START
            self._tell(self._made().began(item, at, pinned=pinned))

    def _end(self, outcome: Outcome, at: datetime) -> None:
        self._failed = self._failed or outcome.status in {"failed", "skipped"}
        item = self._running.pop(outcome.flow, None)
        if item is None and outcome.status == "failed" and (item := self._planned.get(outcome.flow)) is not None:
            # It failed before its inputs were pinned.
            self._start(item, at - timedelta(seconds=outcome.seconds), pinned=False)
            self._running.pop(outcome.flow)
        if item is not None:
            self._tell(self._made().ended(item, outcome, at))

    def _finish(self, at: datetime, *, stopped: bool) -> None:
        if self._events is None:
            return
        from openlineage.client.event_v2 import RunState

        for item in self._running.values():
            self._tell(self._events.aborted(item, at))
        state = RunState.ABORT if stopped else RunState.FAIL if self._failed else RunState.COMPLETE
        self._tell(self._events.run(state, at))

    def _made(self) -> Events:
        """Return what makes events, having told that the run has begun."""
        if self._events is None:
            from openlineage.client.event_v2 import RunState

            path = events_file(self.project, self.run_id, self.settings)
            self._file = File(path) if path else None
            if self.settings.url or foreign_transport():
                self._remote = Remote(self.settings.url, str(path or ""))
            self._events = Events(self.project, self.run_id, self.settings.namespace)
            self._tell(self._events.run(RunState.START, self._began))
        return self._events

    def _tell(self, event: RunEvent) -> None:
        if self._file is not None:
            self._file.write(event)
        # The client adds facets of its own to what it is given, so the file comes first.
        if self._remote is not None:
            self._remote.send(event)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            log.debug("an OpenLineage event could not be made", exc_info=True)
            if not self._broken:
                self._broken = True
                log.warning("an OpenLineage event could not be made: %s: %s", type(error).__name__, error)


def _installed(settings: Settings) -> bool:
    if "openlineage.client" in sys.modules or _found("openlineage.client"):
        return True
    if settings.asked:
        raise MachineError(
            "OpenLineage events are asked for, and openlineage-python is not installed",
            "pip install 'mixlake[spark]', or say openlineage: off in mixlake.yaml",
        )
    log.info("no OpenLineage events: openlineage-python is not installed")
    return False


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def _load() -> None:
    import lakehouse.run.openlineage.events
    import lakehouse.run.openlineage.transports  # noqa: F401


def _now() -> datetime:
    return datetime.now(UTC)
