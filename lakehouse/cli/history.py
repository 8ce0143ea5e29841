"""``mixlake history``."""

from __future__ import annotations

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table


@click.command(name="history")
@click.argument("table")
@click.option("-n", "--limit", type=click.IntRange(1), help="Number of commits to list; default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print one object per commit.")
@click.pass_obj
def command(context: Context, table: str, limit: int | None, as_json: bool) -> None:
    r"""List a table's commits, newest first, with what their notes record.

    A listed time (UTC) can be used to read that version: mixlake sql ... --at TIME.

    \b
    Example:
      mixlake history silver.documents -n 5
    """
    from lakehouse.query.inventory import commits

    listed = commits(context.project, table, limit)
    if as_json:
        print_json(listed)
        return
    counted = ["inserted", "updated", "deleted", "quarantined", "rows"]
    rows = [
        (
            commit["version"],
            commit["time"],
            commit["operation"],
            commit["mode"],
            *(commit["counts"].get(name) for name in counted),
            commit["flow"],
            commit["run_id"],
        )
        for commit in listed
    ]
    print_table(["version", "time", "operation", "mode", *counted, "flow", "run"], rows, numbers=["version", *counted])
