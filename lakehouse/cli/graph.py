"""``mixlake graph``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import to_json

if TYPE_CHECKING:
    from lakehouse.plan.diagram import Line

_STYLES = {"missing": "red", "stale": "yellow", "fresh": "green", "source": "dim"}


@click.command(name="graph")
@click.argument("select", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "mermaid", "dot", "json"]),
    default="terminal",
    show_default=True,
    help="terminal for people; mermaid and dot for documents; json for programs.",
)
@click.pass_obj
def command(context: Context, select: tuple[str, ...], form: str) -> None:
    r"""Draw the selected flows (see mixlake plan for SELECT; by default all), what reads what, and their states.

    Each line is a table; the lines above it that it takes up are the tables that it is made from.

    \b
    Examples:
      mixlake graph +gold.sequences
      mixlake graph --format mermaid > flows.mmd
    """
    from lakehouse.plan.diagram import dot, flow_diagram, lanes, mermaid
    from lakehouse.plan.plan import make_plan

    drawn = flow_diagram(make_plan(context.project, tuple(select)))
    if form == "json":
        print(to_json(drawn.as_dict(), indent=2))
    elif form == "mermaid":
        print(mermaid(drawn))
    elif form == "dot":
        print(dot(drawn))
    elif not drawn.nodes:
        print("no flow is selected")
    else:
        _print(lanes(drawn))


def _print(lines: list[Line]) -> None:
    width = max(len(line.lanes) for line in lines)
    name = max(len(line.node.table) for line in lines)
    rows = [
        (line.lanes.ljust(width), line.node.table.ljust(name), line.node.state, ", ".join(line.node.causes))
        for line in lines
    ]
    if not sys.stdout.isatty():
        for lanes, table, state, causes in rows:
            print(f"{lanes}  {table}  {state:<7}  {causes}".rstrip())
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for lanes, table, state, causes in rows:
        style = _STYLES[state]
        parts = ((lanes, "dim"), (table, style), (f"{state:<7}", style), (causes, "dim"))
        console.print(Text("  ").join(Text(*part) for part in parts))
