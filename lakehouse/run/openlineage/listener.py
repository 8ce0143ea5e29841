"""Emit a run's OpenLineage events as the run goes.

What the run calls only notes the time and queues a step; events are made, written and sent in threads of their own.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakehouse.declare.openlineage_config import Settings, has_client_config
from lakehouse.errors import MachineError
from lakehouse.plan.plan import FlowPlan, Plan
from lakehouse.project import Project
from lakehouse.run.listener import CompositeListener, Listener
from lakehouse.run.openlineage.events import Events
from lakehouse.run.openlineage.transports import EventFile, Remote, events_file
from lakehouse.run.openlineage.worker import Worker
from lakehouse.run.report import FlowResult

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

log = logging.getLogger("mixlake.openlineage")

# Making the last events reads a commit's log each; sending them waits for a server.
_MAKE_SECONDS = 10.0
_SEND_SECONDS = 3.0
_STOP_SECONDS = 0.5  # each, of a run that was interrupted


@contextmanager
def with_openlineage(project: Project, run_id: str, listener: Listener) -> Iterator[Listener]:
    """Add OpenLineage events to what a listener does, if the configuration wants them.

    Args:
        project: The project, whose configuration says where events go.
        run_id: The run.
        listener: Another listener of the run.

    Yields:
        The listener that the run is to call.

    Raises:
        MachineError: If the configuration names OpenLineage and openlineage-python is not installed.
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


class Emitter(Listener):
    """A listener that emits a run's events.

    The run's START has the time at which the run began; it is emitted with the first flow that is executed, so that
    a run that finds nothing to do emits nothing.

    Args:
        project: The project.
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
        self._file: EventFile | None = None
        self._remote: Remote | None = None
        self._running: dict[str, FlowPlan] = {}
        self._failed = False
        self._warned = False
        self._worker = Worker("openlineage", self._warn)

    def planned(self, plan: Plan) -> None:
        """Keep the plan, and load the classes of events while Spark starts."""
        self._planned = {item.flow.id: item for item in plan.flows}
        if plan.stale:
            self._worker.put(lambda: importlib.import_module("openlineage.client"))

    def began(self, item: FlowPlan) -> None:
        """Emit the START of a flow."""
        at = _now()
        self._worker.put(lambda: self._start(item, at))

    def ended(self, result: FlowResult) -> None:
        """Emit the end of a flow."""
        at = _now()
        self._worker.put(lambda: self._end(result, at))

    def close(self, *, stopped: bool = False) -> None:
        """Emit the end of the run, and wait for its events for a few seconds.

        Args:
            stopped: Whether the run was interrupted.
        """
        at = _now()
        self._worker.put(lambda: self._finish(at, stopped=stopped))
        make, send = (_STOP_SECONDS, _STOP_SECONDS) if stopped else (_MAKE_SECONDS, _SEND_SECONDS)
        if self._worker.close(make):
            log.warning("not all OpenLineage events could be made within %g s", make)
        if self._remote is not None:
            self._remote.close(send)

    def _start(self, item: FlowPlan, at: datetime, *, pinned: bool = True) -> None:
        again = item.flow.id in self._running
        self._running[item.flow.id] = item
        if not again:  # else another run committed first, and the flow was replanned: one execution, one START
            self._emit(self._open().began(item, at, pinned=pinned))

    def _end(self, result: FlowResult, at: datetime) -> None:
        self._failed = self._failed or result.status in {"failed", "skipped"}
        item = self._running.pop(result.flow, None)
        if item is None and result.status == "failed" and (item := self._planned.get(result.flow)) is not None:
            # It failed before its inputs were pinned.
            self._start(item, at - timedelta(seconds=result.seconds), pinned=False)
            self._running.pop(result.flow)
        if item is not None:
            self._emit(self._open().ended(item, result, at))

    def _finish(self, at: datetime, *, stopped: bool) -> None:
        if self._events is not None:
            for item in self._running.values():
                self._emit(self._events.aborted(item, at))
            self._emit(self._events.run("ABORT" if stopped else "FAIL" if self._failed else "COMPLETE", at))

    def _open(self) -> Events:
        """Return what makes events; the first call emits the run's START."""
        if self._events is None:
            path = events_file(self.project, self.run_id)
            self._file = EventFile(path) if path else None
            if self.settings.url or has_client_config():
                self._remote = Remote(self.settings.url, str(path or ""))
            self._events = Events(self.project, self.run_id, self.settings.namespace)
            self._emit(self._events.run("START", self._began))
        return self._events

    def _emit(self, event: RunEvent) -> None:
        if self._file is not None:
            self._file.write(event)
        # The client adds facets of its own to what it is given, so the file comes first.
        if self._remote is not None:
            self._remote.send(event)

    def _warn(self, error: Exception) -> None:
        log.debug("an OpenLineage event could not be made", exc_info=error)
        if not self._warned:
            self._warned = True
            log.warning("an OpenLineage event could not be made: %s: %s", type(error).__name__, error)


def _installed(settings: Settings) -> bool:
    if importlib.util.find_spec("openlineage") is not None:
        return True
    if settings.explicit:
        raise MachineError(
            "OpenLineage events are configured, and openlineage-python is not installed",
            "pip install 'mixlake[run]', or say openlineage: off in mixlake.yaml",
        )
    log.info("no OpenLineage events: openlineage-python is not installed")
    return False


def _now() -> datetime:
    return datetime.now(UTC)
