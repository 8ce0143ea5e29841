"""``mixlake run``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, warn
from lakehouse.cli.plan import show_plan
from lakehouse.cli.selection import SELECT

if TYPE_CHECKING:
    from lakehouse.run.report import Report


_HELP = rf"""Run the flows that are stale.

What was interrupted goes on from the last commit. The exit status is 0 only if all was done. Purges that were
ordered (mixlake retract --purge) are done at the end, once no table holds the rows any more.
{SELECT}
\b
Examples:
  mixlake run
  mixlake run +gold.mixture --param gold.samples.policy=strict.yaml
  mixlake run stale ~tag:dedup --dry-run
"""


@click.command(name="run", help=_HELP)
@click.argument("select", nargs=-1)
@click.option("--full", is_flag=True, help="Process all rows of the selected flows again.")
@click.option("--retry", is_flag=True, help="Process again the rows from which rows were set aside.")
@click.option("--migrate", is_flag=True, help="Write tables anew that their contracts no longer fit.")
@click.option("--param", "params", multiple=True, metavar="FLOW.KEY=VALUE", help="Set a parameter; VALUE is YAML.")
@click.option("--dry-run", is_flag=True, help="Only say what would run.")
@click.option("--master", metavar="URL", help="Where Spark runs: local[4], spark://..., yarn, k8s://...")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def command(  # noqa: PLR0913, PLR0917 - one a flag
    context: Context,
    select: tuple[str, ...],
    full: bool,
    retry: bool,
    migrate: bool,
    params: tuple[str, ...],
    dry_run: bool,
    master: str | None,
    as_json: bool,
) -> int:
    """Run flows, and print what was done."""
    from lakehouse.project import Project

    config = context.project.config
    if params:
        config = config.with_params(parse_params(params))
    if master:
        config = config.with_spark({"spark.master": master})
    project = Project(config)
    if dry_run:
        from lakehouse.plan.plan import make_plan

        plan = make_plan(project, select, full=full, retry=retry)
        if as_json:
            print_json([item.as_dict() for item in plan.flows])
        else:
            show_plan(plan)
        return 0
    from lakehouse.cli.progress import Progress
    from lakehouse.run.listener import NullListener
    from lakehouse.run.run import run

    if as_json:
        report = run(project, select, full=full, retry=retry, migrate=migrate, listener=NullListener())
        print_json(report.as_dict())
    else:
        with Progress() as progress:
            report = run(project, select, full=full, retry=retry, migrate=migrate, listener=progress)
        show_report(report)
    return 0 if report.ok else 1


def parse_params(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Parse ``FLOW.KEY=VALUE`` words, where FLOW is a flow's id or the table that it writes.

    Raises:
        click.BadParameter: If a word is not of that form.
    """
    import yaml

    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        flow, dot, key = name.rpartition(".")
        if not equals or not dot or not key or not flow:
            raise click.BadParameter(f"{text!r} is not FLOW.KEY=VALUE", param_hint="--param")
        try:
            found.setdefault(flow, {})[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise click.BadParameter(f"the value of {text!r} is no YAML", param_hint="--param") from None
    return found


def show_report(report: Report) -> None:
    """Print what a run did, and what it set aside by reason."""
    done = [outcome for outcome in report.outcomes if outcome.status != "fresh"]
    aside = [
        (outcome.writes, count, reason)
        for outcome in done
        for reason, count in sorted((outcome.note.reasons if outcome.note else {}).items(), key=lambda pair: -pair[1])
    ]
    if aside:
        print("set aside (mixlake quarantine explain TABLE shows the rows):")
        print_table(["table", "rows", "reason"], aside, numbers=["rows"])
    fresh = len(report.outcomes) - len(done)
    words = [f"{sum(o.status == status for o in done)} {status}" for status in ("done", "failed", "skipped")]
    told = ", ".join(word for word in words if not word.startswith("0 "))
    print(f"run {report.run_id}: {told or 'nothing to do'}, {fresh} fresh, {report.seconds:.1f} s")
    for purge in report.purges:
        if purge.waits:
            warn(str(purge))
        else:
            print(purge)
    for outcome in done:
        if outcome.status == "failed" and outcome.error:
            warn(" ".join(str(outcome.error).split("\n")))
    if report.log_file and not report.ok:
        warn(f"Spark's own words are in {report.log_file}")
