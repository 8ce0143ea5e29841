"""Watch for changes, and run what becomes stale: after each change of declarations or of external data."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import invalidate_caches
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from lakehouse.declare.config import FILE_NAME
from lakehouse.declare.params import parameter_files, resolve_params
from lakehouse.errors import MixlakeError, first_line
from lakehouse.plan.graph import Graph
from lakehouse.plan.selection import select_flows
from lakehouse.project import Project
from lakehouse.run.report import Report

log = logging.getLogger("mixlake.watch")

INTERVAL = 0.5
# Pause between two polls, as a multiple of the time that a poll takes.
_PAUSE = 10
# Nanoseconds by which a file's time may be behind the clock.
_CLOCK_TICK = 20_000_000

type State = Mapping[str, Any]


@dataclass(frozen=True)
class Watch:
    """Runs flows again and again, as they become stale.

    Args:
        load: Reads the configuration and the declarations as they are now.
        run: Runs what is stale of a project.
        select: Words of a selection; all flows where it is empty.
        on_report: Called with each run's report.
        on_error: Called with an error of the declarations or of a run; the next change is waited for.
        interval: Seconds between two polls.
    """

    load: Callable[[], Project]
    run: Callable[[Project], Report]
    select: tuple[str, ...] = ()
    on_report: Callable[[Report], None] = lambda _: None
    on_error: Callable[[MixlakeError], None] = lambda _: None
    interval: float = INTERVAL

    def until(self, stopped: threading.Event) -> None:
        """Poll and run until it is stopped; a run that has started is finished first.

        Raises:
            MixlakeError: If the declarations are invalid at the start.
        """
        began = time.time_ns()
        project = self._loaded()
        files: State = _unchanged_since(began, declared_files(project))
        sources: State = {}
        sound = True
        while True:
            now = declared_files(project, files)
            if now != files:
                changed = [path for path, state in now.items() if files.get(path) != state]
                files, sources, began = now, {}, time.time_ns()
                unload_modules(project, changed)
                try:
                    loaded = self._loaded()
                    files, sound = _unchanged_since(began, declared_files(loaded)), True
                    project = loaded
                except MixlakeError as error:
                    sound = False
                    self.on_error(error)
            polled = time.monotonic()
            if sound and sources != (found := self._sources(project)):
                sources = found
                self._run(project)
                polled = time.monotonic()
            # A poll that takes long, over many files, is done less often.
            if stopped.wait(max(self.interval, _PAUSE * (time.monotonic() - polled))):
                return

    def _loaded(self) -> Project:
        project = self.load()
        select_flows(Graph(project.registry), self.select)
        return project

    def _sources(self, project: Project) -> State:
        """Return the fingerprints of external data, by flow; of one that fails its error."""
        fingerprints: dict[str, Any] = {"": "polled"}
        for name in select_flows(Graph(project.registry), self.select):
            flow = project.registry.flows[name]
            if flow.external is not None:
                try:
                    fingerprints[name] = flow.external(resolve_params(flow, project.config))
                except Exception as error:
                    log.debug("the external data of %s cannot be read, as its run will report", name, exc_info=True)
                    fingerprints[name] = first_line(error)
        return fingerprints

    def _run(self, project: Project) -> None:
        try:
            self.on_report(self.run(project))
        except MixlakeError as error:
            self.on_error(error)


def declared_files(project: Project, before: Iterable[str] = ()) -> dict[str, tuple[int, int]]:
    """Return time of change and size of each file that declares something: modules, SQL, parameters, configuration.

    Args:
        project: The project.
        before: Files that declared something before; a module that could not be imported is no longer listed.
    """
    states = {}
    for path in {*_paths(project), *map(Path, before)}:
        try:
            status = path.stat()
        except OSError:
            continue
        states[str(path)] = (status.st_mtime_ns, status.st_size)
    return states


def _unchanged_since(began: int, files: State) -> State:
    """Return the states of files without those that changed while they were read, which are to be read again."""
    ended = time.time_ns()  # a file may come from a machine whose clock is ahead
    return {path: (0, 0) if began - _CLOCK_TICK <= state[0] <= ended else state for path, state in files.items()}


def _paths(project: Project) -> Iterator[Path]:
    yield project.config.root / FILE_NAME
    for root in sorted(project.registry.roots):
        module = sys.modules.get(root)
        for folder in getattr(module, "__path__", ()):
            yield from _package_files(Path(folder))
        if module is not None and getattr(module, "__file__", None):
            yield Path(str(module.__file__))
    folders = {path.parent for path in project.registry.views}
    for flow in project.registry.flows.values():
        if flow.kind == "sql":
            folders.add(Path(flow.file).parent)
        yield from parameter_files(resolve_params(flow, project.config))
    for folder in sorted(folders):
        yield from folder.glob("*.sql")


def _package_files(folder: Path) -> Iterator[Path]:
    """Yield modules and the models and tables of facts beside them."""
    for parent, folders, names in folder.walk():
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        yield from (parent / name for name in names)


def unload_modules(project: Project, changed: Iterable[str]) -> None:
    """Have the next import read the modules of the project's packages again.

    Args:
        project: The project.
        changed: Files that changed: Python's own cache of a module takes one for unchanged that was written within
            the same second, and is as long.
    """
    for path in changed:
        if path.endswith(".py"):
            Path(cache_from_source(path)).unlink(missing_ok=True)
    for name in [name for name in sys.modules if name.partition(".")[0] in project.registry.roots]:
        del sys.modules[name]
    invalidate_caches()
