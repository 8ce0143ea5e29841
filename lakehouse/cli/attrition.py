"""``mixlake attrition``."""

from __future__ import annotations

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table

_WIDTH = 100


@click.command(name="attrition")
@click.argument("table", required=False)
@click.option(
    "--by",
    default="table,outcome,rule",
    show_default=True,
    metavar="COLUMN[,...]",
    help="Columns of the view attrition to count by, such as source, language and cell.",
)
@click.option("--at", metavar="AT", help="Read at a release, a time, TABLE@VERSION[,...], or a version.")
@click.option("--all", "every", is_flag=True, help="List steps that lost nothing, too.")
@click.option("--json", "as_json", is_flag=True, help="Print objects with the columns of --by and the counts.")
@click.pass_obj
def command(context: Context, table: str | None, *, by: str, at: str | None, every: bool, as_json: bool) -> None:
    r"""Count what each step kept and lost, by rule.

    Each row that a step read is kept, removed by a rule, quarantined, or pruned, which is left out without a rule. Of
    rows that several rules remove, rows counts the first, broken each of them, and alone those that no other rule
    removes. Tokens are those of the samples as they were tokenised. TABLE is the table that a step writes.

    \b
    Examples:
      mixlake attrition
      mixlake attrition gold.samples --by rule,source
      mixlake attrition --by table,outcome,cell --at mix-1 --json
    """
    from lakehouse.query.attrition import attrition

    columns = [name.strip() for name in by.split(",") if name.strip()]
    rows = attrition(context.project, columns, table, at)
    if as_json:
        print_json(rows)
        return
    if not rows:
        print("no step is counted yet; run the flows first")
        return
    if not every and table is None and {"table", "outcome"} <= set(columns):
        losing = {row["table"] for row in rows if row["outcome"] != "kept"}
        rows = [row for row in rows if row["table"] in losing]
    names = list(dict.fromkeys(name for row in rows for name in row))
    numbers = [name for name in names if name not in columns]
    print_table(names, [[row[name] for name in names] for row in rows], numbers=numbers, width=_WIDTH)
