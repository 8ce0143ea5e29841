"""Show the progress of a run: a line for each flow that ends, and a live line of those that run."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.status import Status

from lakehouse.plan.plan import FlowPlan, Plan
from lakehouse.run.listener import Listener
from lakehouse.run.report import FlowResult

_MARKS = {"done": "[green]✓[/]", "fresh": "[dim]·[/]", "failed": "[red]✗[/]", "skipped": "[yellow]-[/]"}


class Progress(Listener):
    """A listener that prints to standard error: on a terminal with a live line, elsewhere plain lines.

    Warnings of the flows, such as a source that was skipped, are shown between the lines.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self._running: dict[str, float] = {}
        self._lock = threading.Lock()
        self._status: Status | None = None
        self._total = 0
        self._ended = 0
        self._log: logging.Handler = _Lines(self.console)
        if self.console.is_terminal:
            self._log = RichHandler(
                logging.INFO, console=self.console, show_time=False, show_level=False, show_path=False, markup=False
            )

    def __enter__(self) -> Self:
        """Start showing."""
        area = logging.getLogger("mixlake")
        area.addHandler(self._log)
        area.setLevel(min(logging.INFO, area.level or logging.INFO))
        area.propagate = False
        if self.console.is_terminal:
            self._status = self.console.status("planning")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing."""
        logging.getLogger("mixlake").removeHandler(self._log)
        if self._status is not None:
            self._status.stop()

    def planned(self, plan: Plan) -> None:
        """Print how many flows are to run."""
        self._total = len(plan.stale)
        for warning in plan.warnings:
            self.console.print(f"[yellow]{escape(warning)}[/]", soft_wrap=True)
        if self._total:
            self.console.print(f"{self._total} of {len(plan.flows)} flows to run")

    def session(self, seconds: float) -> None:
        """Print that Spark is up."""
        self.console.print(f"[dim]Spark is up after {seconds:.1f} s[/]")

    def began(self, item: FlowPlan) -> None:
        """Show a flow as running."""
        with self._lock:
            self._running[item.writes] = time.monotonic()
            self._show()

    def ended(self, result: FlowResult) -> None:
        """Print a flow's line."""
        with self._lock:
            self._running.pop(result.writes, None)
            if result.status != "fresh":
                self._ended += 1
                self.console.print(line(result), soft_wrap=True)
            self._show()

    def _show(self) -> None:
        if self._status is not None:
            names = ", ".join(self._running) or "waiting"
            self._status.update(f"{self._ended}/{self._total}  {names}")


class _Lines(logging.Handler):
    """Prints each record as one line, whatever its length: what reads the output may read lines."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        self._console.print(escape(" ".join(record.getMessage().split())), soft_wrap=True)


def line(result: FlowResult) -> str:
    """Return the line of a flow that ended."""
    mark = _MARKS[result.status]
    if result.note is None:
        # It may quote a row, and rows hold brackets.
        why = escape(" ".join(result.error.message.split())) if result.error else "fresh"
        return f"{mark} {result.writes:<28} {why}"
    counts = result.note.counts
    changes = [
        f"{sign}{counts.get(name, 0):,}" for sign, name in (("+", "inserted"), ("~", "updated"), ("-", "deleted"))
    ]
    changed = " ".join(change for change in changes if change[1:] != "0") or "no change"
    quarantined = f"  [yellow]{counts['quarantined']:,} quarantined[/]" if counts.get("quarantined") else ""
    table, rows = f"{mark} {result.writes:<28}", f"{counts.get('rows', 0):>9,} rows"
    return f"{table} {rows}  {changed:<18} {result.seconds:>6.1f} s{quarantined}"
