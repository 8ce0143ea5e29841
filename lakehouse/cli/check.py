"""``mixlake check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import cell, print_json
from lakehouse.cli.selection import SELECT, RunOptions, project_options

if TYPE_CHECKING:
    from lakehouse.determinism.check import CheckResult

_HELP = rf"""Check that flows are deterministic; exit 1 if one differs or fails.

Each operator is called again on a sample of its input: in this process, in a new one, with different batches, and in a
different order. Flows of other kinds run twice on their full inputs, in different orders. Nothing is written.
{SELECT}
\b
Examples:
  mixlake check
  mixlake check silver.document_scores --rows 1000
  mixlake check gold.mixture
  mixlake check --engine spark --spark
"""


@click.command(name="check", help=_HELP)
@click.argument("select", nargs=-1)
@project_options
@click.option(
    "--rows", type=click.IntRange(1), default=512, show_default=True, help="Number of input rows for each operator."
)
@click.option("--spark", is_flag=True, help="Also check flows that Spark would run. Starts a JVM.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as objects.")
@click.pass_obj
def command(
    context: Context, select: tuple[str, ...], *, options: RunOptions, rows: int, spark: bool, as_json: bool
) -> int:
    """Check flows, and print what differs."""
    from lakehouse.determinism.check import check

    project = options.of(context.project)
    checked = check(project, select, rows, spark=spark, on_result=None if as_json else _show)
    states = [one.state for one in checked]
    if as_json:
        print_json([one.as_dict() for one in checked])
    else:
        print(", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "no flow is selected")
    return 1 if {"differs", "failed"} & set(states) else 0


def _show(checked: CheckResult) -> None:
    detail = f"{checked.rows} rows" if checked.rows else checked.detail
    print(f"{checked.writes:<28} {checked.state:<8} {detail}", flush=True)
    for when, one in checked.differences:
        key = ", ".join(f"{name}={cell(value, 40)}" for name, value in one.key.items())
        if one.column:
            values = " and ".join(cell(value) for value in one.values)
            difference = f"{one.column} of {one.rows} rows differs {when}: of {key or 'a row'} it was {values}"
            print(f"  {difference} ({checked.place})")
        else:
            print(f"  {one.rows} rows are not there each time {when}: such as {key} ({checked.place})")
