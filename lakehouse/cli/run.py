"""``mixlake run``."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, warn
from lakehouse.cli.plan import print_plan
from lakehouse.cli.selection import SELECT, RunOptions, run_options

if TYPE_CHECKING:
    from lakehouse.run.report import Report


_HELP = rf"""Run the flows that are stale.

Ctrl-C and SIGTERM end a run within seconds; what was committed stays, and the next run goes on from there. The exit
status is 0 only if everything succeeded. Ordered purges (mixlake retract --purge) are done at the end, once no table
contains the rows any more; while one waits, the exit status is 1, and the run names the command that ends it.
{SELECT}
\b
Examples:
  mixlake run
  mixlake run +gold.mixture --param gold.samples.policy=strict.yaml
  mixlake run stale ~tag:dedup --dry-run
  mixlake run --watch +silver.documents
"""


@click.command(name="run", help=_HELP)
@click.argument("select", nargs=-1)
@run_options
@click.option("--migrate", is_flag=True, help="Rewrite tables whose contracts changed incompatibly.")
@click.option("--verify", is_flag=True, help="After each commit read back the whole table, not only a sample.")
@click.option("--dry-run", is_flag=True, help="Only print what would run, as mixlake plan does.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.option("--watch", "stay", is_flag=True, help="Keep watching, and run what becomes stale, until Ctrl-C.")
@click.pass_obj
def command(  # noqa: PLR0913 - one a word of the command
    context: Context,
    select: tuple[str, ...],
    *,
    options: RunOptions,
    migrate: bool,
    verify: bool,
    dry_run: bool,
    as_json: bool,
    stay: bool,
) -> int:
    """Run flows, and print what was done."""
    options = dataclasses.replace(options, verify=verify)
    if stay:
        if dry_run or as_json or migrate or options.full:
            raise click.UsageError("--watch cannot be combined with --dry-run, --json, --migrate or --full")
        return _watch(context, select, options)
    if dry_run:
        return print_plan(context, select, options, as_json=as_json)
    return run_and_report(context, select, options, migrate=migrate, as_json=as_json)


def run_and_report(
    context: Context, select: tuple[str, ...], options: RunOptions, *, migrate: bool = False, as_json: bool = False
) -> int:
    """Run flows, print their progress and what was done, and return the exit status."""
    from lakehouse.cli.progress import Progress
    from lakehouse.run.listener import CompositeListener
    from lakehouse.run.run import run
    from lakehouse.run.tally import Tally

    execute = functools.partial(
        run, options.of(context.project), select, full=options.full, retry=options.retry, migrate=migrate
    )
    tally = Tally()
    try:
        if as_json:
            report = execute(listener=tally)
            print_json(report.as_dict())
        else:
            with Progress() as progress:
                report = execute(listener=CompositeListener(progress, tally))
            _print_report(report)
    except KeyboardInterrupt:
        warn(tally.summary())
        raise
    return 0 if report.ok else 1


def _watch(context: Context, select: tuple[str, ...], options: RunOptions) -> int:
    """Run what becomes stale until Ctrl-C."""
    from lakehouse.cli.progress import Progress
    from lakehouse.run.run import run
    from lakehouse.run.watch import Watch

    with Progress() as progress:
        watch = Watch(
            load=lambda: options.of(context.read_project()),
            run=lambda project: run(project, select, retry=options.retry, listener=progress),
            select=select,
            on_report=_print_report,
            on_error=lambda error: warn(str(error)),
        )
        stopped = threading.Event()
        with _stopping(stopped), contextlib.suppress(KeyboardInterrupt):
            watch.until(stopped)
    return 0


@contextlib.contextmanager
def _stopping(stopped: threading.Event) -> Iterator[None]:
    """Let SIGTERM and the first Ctrl-C end a watch after the current run; a second Ctrl-C ends it at once."""

    def interrupted(*_: object) -> None:
        stopped.set()
        warn("ending after the current run; Ctrl-C again ends it now")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_report(report: Report) -> None:
    """Print what a run did, and the rows that it quarantined by reason."""
    done = [result for result in report.results if result.status != "fresh"]
    quarantined = [
        (result.writes, count, reason)
        for result in done
        for reason, count in sorted((result.note.reasons if result.note else {}).items(), key=lambda pair: -pair[1])
    ]
    if quarantined:
        print("quarantined (mixlake quarantine explain TABLE shows the rows):")
        print_table(["table", "rows", "reason"], quarantined, numbers=["rows"])
    fresh = len(report.results) - len(done)
    words = [f"{sum(result.status == status for result in done)} {status}" for status in ("done", "failed", "skipped")]
    summary = ", ".join(word for word in words if not word.startswith("0 "))
    print(f"run {report.run_id}: {summary or 'nothing to do'}, {fresh} fresh, {report.seconds:.1f} s")
    purged = {purge.order.ordinal for purge in report.purges}
    for completion in report.retractions:
        if completion.obstacle is None:
            print(completion)
        elif completion.order.ordinal not in purged:  # else its purge waits for the same, which is reported below
            warn(str(completion))
    for purge in report.purges:
        if purge.blocked_by:
            warn(str(purge))
        else:
            print(purge)
    for result in done:
        if result.status == "failed" and result.error:
            # What failed stands in the flow's line.
            hint = " ".join(result.error.hint.split("\n"))
            warn(f"{result.writes} failed{f' — {hint}' if hint else ''}")
    if report.log_file and not report.ok:
        warn(f"Spark's log is in {report.log_file}")
