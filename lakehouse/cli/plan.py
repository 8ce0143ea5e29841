"""``mixlake plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, warn
from lakehouse.cli.selection import SELECT

if TYPE_CHECKING:
    from lakehouse.plan.plan import FlowPlan, Plan


_HELP = rf"""Say which flows are stale, and why; nothing is executed.
{SELECT}
\b
Examples:
  mixlake plan +gold.sequences --json
  mixlake plan silver.documents+2 ~tag:dedup
"""


@click.command(name="plan", help=_HELP)
@click.argument("select", nargs=-1)
@click.option("--full", is_flag=True, help="Plan as if all selected flows started over.")
@click.option("--all", "everything", is_flag=True, help="List fresh flows, too.")
@click.option("--json", "as_json", is_flag=True, help="Print objects with flow, writes, state, causes, inputs.")
@click.pass_obj
def command(context: Context, select: tuple[str, ...], full: bool, everything: bool, as_json: bool) -> None:
    """Print a plan."""
    from lakehouse.plan.plan import make_plan

    plan = make_plan(context.project, tuple(select), full=full)
    if as_json:
        print_json([item.as_dict() for item in plan.flows])
        return
    show_plan(plan, everything=everything)


def show_plan(plan: Plan, *, everything: bool = False) -> None:
    """Print a plan for people."""
    rows: list[tuple[str, str, str, str]] = []
    for item in plan.flows:
        if item.state == "fresh" and not everything:
            continue
        causes = _because(item) or [""]
        rows.append((item.writes, item.flow.id, item.state, causes[0]))
        rows.extend(("", "", "", cause) for cause in causes[1:])
    if rows:
        print_table(["writes", "flow", "state", "because"], rows, width=200)
    stale, fresh = len(plan.stale), len(plan.flows) - len(plan.stale)
    told = "nothing to do" if not stale else f"{stale} to run"
    print(f"{told}, {fresh} fresh" if plan.flows else "no flow is selected")
    for text in plan.warnings:
        warn(f"warning: {text}")


def _because(item: FlowPlan) -> list[str]:
    """Return one line a kind of cause; that a table was never written says enough."""
    found: dict[str, list[str]] = {}
    for cause in item.causes:
        found.setdefault(cause.kind, []).append(cause.detail)
    if "missing" in found:
        found.pop("upstream", None)
    return [f"{kind}: {'; '.join(details)}" for kind, details in found.items()]
