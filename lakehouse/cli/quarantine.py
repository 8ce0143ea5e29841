"""``mixlake quarantine``."""

from __future__ import annotations

import dataclasses

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table
from lakehouse.cli.run import run_and_report
from lakehouse.cli.selection import RunOptions, project_options


@click.group(name="quarantine")
def command() -> None:
    r"""List, explain and retry rows that flows quarantined.

    \b
    Example:
      mixlake quarantine list
    """


@command.command(name="list")
@click.argument("table", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print objects with table, flow, reason, rows, first and last.")
@click.pass_obj
def list_(context: Context, table: str | None, as_json: bool) -> None:
    r"""Count the quarantined rows, by table and reason.

    \b
    Example:
      mixlake quarantine list silver.documents
    """
    from lakehouse.query.quarantine import count_quarantined

    counts = count_quarantined(context.project, table)
    if as_json:
        print_json(counts)
    elif not counts:
        print("no row is quarantined")
    else:
        rows = [(r["table"], r["rows"], r["reason"], r["flow"], r["last"]) for r in counts]
        print_table(["table", "rows", "reason", "flow", "last"], rows, numbers=["rows"])


@command.command()
@click.argument("table")
@click.option("--reason", help="Only reasons with this prefix.")
@click.option(
    "--limit", default=3, show_default=True, type=click.IntRange(1), help="Number of rows to show for each reason."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print objects with reason, rule, values, sample_id, origin and row."
)
@click.pass_obj
def explain(context: Context, table: str, reason: str | None, limit: int, as_json: bool) -> None:
    r"""Show some rows for each reason, the rule that they break, and how to recover them.

    \b
    Example:
      mixlake quarantine explain silver.documents --reason "text is"
    """
    from lakehouse.engine.broken_values import broken_values
    from lakehouse.errors import unknown_table
    from lakehouse.query.quarantine import describe_rule, quarantined_rows

    project = context.project
    flow = project.registry.writers.get(table)
    if flow is None:
        raise unknown_table(table, project.registry.writers, "mixlake plan --all lists the tables that flows write")
    rows = quarantined_rows(project, table, reason, limit) if project.catalog.has(table) else []
    explained = [
        {
            **row,
            "rule": describe_rule(flow, row["reason"]),
            "values": broken_values(flow.writes, row["reason"], row["row"]),
        }
        for row in rows
    ]
    if as_json:
        print_json(explained)
        return
    if not explained:
        print(f"no row of {table} is quarantined{f' for a reason that begins with {reason!r}' if reason else ''}")
        return
    for row in explained:
        print(f"{row['reason']}\n  rule    {row['rule']}")
        if row["values"]:
            print(f"  values  {row['values']}")
        print(f"  origin  {row['origin'] or 'not known'}\n  row     {row['row']}\n")
    print(
        f"{flow.id} ({flow.file}) quarantined them. A change of its code, its params or its checks processes all "
        f"rows again;\nif something else was fixed: mixlake quarantine retry {table}"
    )


@command.command()
@click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
@project_options
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def retry(context: Context, tables: tuple[str, ...], *, options: RunOptions, as_json: bool) -> int:
    r"""Process the source rows of quarantined rows again; the same as mixlake run TABLE --retry.

    \b
    Example:
      mixlake quarantine retry silver.documents
    """
    return run_and_report(context, tables, dataclasses.replace(options, retry=True), as_json=as_json)
