"""``mixlake plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, warn
from lakehouse.cli.selection import SELECT, RunOptions, run_options

if TYPE_CHECKING:
    from lakehouse.plan.plan import FlowPlan, Plan
    from lakehouse.project import Project

_HELP = rf"""Show which flows are stale, and why; nothing is executed.

With the options of mixlake run, what a run with them would do. It also says which flows would fail as they are
declared: tables that need --migrate, SQL flows whose columns or types are not their contract's.
{SELECT}
\b
Examples:
  mixlake plan +gold.sequences --json
  mixlake plan silver.documents+2 ~tag:dedup
  mixlake plan gold.mixture+ --param gold.samples.policy=strict.yaml
"""


@click.command(name="plan", help=_HELP)
@click.argument("select", nargs=-1)
@run_options
@click.option("--all", "everything", is_flag=True, help="Also list fresh flows.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print objects with flow, writes, state, causes, inputs, engine, problem, last run.",
)
@click.pass_obj
def command(context: Context, select: tuple[str, ...], *, options: RunOptions, everything: bool, as_json: bool) -> int:
    """Print a plan."""
    return print_plan(context, select, options, everything=everything, as_json=as_json)


def print_plan(
    context: Context, select: tuple[str, ...], options: RunOptions, *, everything: bool = False, as_json: bool = False
) -> int:
    """Print the plan of a selection: as JSON, or as text with one line per cause and the number of flows to run.

    Returns:
        The exit status: 1 where a table of a flow cannot be read.
    """
    from lakehouse.plan.plan import make_plan
    from lakehouse.run.outlook import outlook

    project = options.of(context.project)
    plan = make_plan(project, select, full=options.full, retry=options.retry)
    status = int(any(item.has_cause("unreadable") for item in plan.flows))
    if as_json:
        print_json(
            [{**item.as_dict(), **_engine(project, item), **outlook(project, item).as_dict()} for item in plan.flows]
        )
        return status
    rows: list[tuple[str, str, str, str]] = []
    problems: list[str] = []
    seconds = 0.0
    for item in plan.flows:
        if item.state == "fresh" and not everything:
            continue
        causes = _because(item) or [""]
        ahead = outlook(project, item)
        if ahead.problem:
            problems.append(f"{item.writes}: {ahead.problem}")
        if item.state != "fresh":
            seconds += ahead.seconds or 0.0
        rows.append((item.writes, item.flow.id, item.state, causes[0]))
        rows.extend(("", "", "", cause) for cause in causes[1:])
    if rows:
        print_table(["writes", "flow", "state", "because"], rows, width=200)
    stale, fresh = len(plan.stale), len(plan.flows) - len(plan.stale)
    summary = f"{stale} to run" if stale else "nothing to do"
    if seconds:
        summary += f" ({_duration(seconds)} when they ran last)"
    print(f"{summary}, {fresh} fresh" if plan.flows else "no flow is selected")
    for text in (*_unreadable(plan), *(f"would fail: {text}" for text in problems)):
        warn(text)
    for text in plan.warnings:
        warn(f"warning: {text}")
    return status


def _unreadable(plan: Plan) -> dict[str, None]:
    """Return why tables cannot be read, each reason once."""
    causes = [cause for item in plan.flows for cause in item.causes]
    return dict.fromkeys(cause.detail for cause in causes if cause.kind == "unreadable")


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _engine(project: Project, item: FlowPlan) -> dict[str, str]:
    """Return the engine that would run a flow, and why; empty for a fresh one."""
    if item.state == "fresh" or item.has_cause("unreadable"):
        return {"engine": "", "engine_reason": ""}
    # The choice reads the file lists of the flow's tables, which planning does not need.
    from lakehouse.plan.engine_choice import choose_engine

    return choose_engine(project, item).as_dict()


def _because(item: FlowPlan) -> list[str]:
    """Return one line for each kind of cause; for a table that was never written, without its upstream."""
    by_kind: dict[str, list[str]] = {}
    for cause in item.causes:
        # Why a table cannot be read is said below.
        by_kind.setdefault(cause.kind, []).append(cause.table if cause.kind == "unreadable" else cause.detail)
    if "missing" in by_kind:
        by_kind.pop("upstream", None)
    return [f"{kind}: {'; '.join(details)}" for kind, details in by_kind.items()]
