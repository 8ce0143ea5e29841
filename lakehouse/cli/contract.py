"""``mixlake contract``."""

from __future__ import annotations

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table

_DOC = 1000


@click.command(name="contract")
@click.argument("table")
@click.option("--json", "as_json", is_flag=True, help="Print name, doc, columns, key, cluster_by, checks and writer.")
@click.pass_obj
def command(context: Context, table: str, as_json: bool) -> None:
    r"""Show a table's contract: columns, key, checks, and the flow that writes it.

    \b
    Example:
      mixlake contract silver.documents
    """
    from lakehouse.errors import unknown_table
    from lakehouse.query.table_names import refuse_view

    registry = context.project.registry
    contract = registry.tables.get(table)
    if contract is None:
        refuse_view(context.project, table)
        raise unknown_table(table, registry.tables, "mixlake tables lists those that exist")
    writer = registry.writers.get(table)
    checks = [
        {"name": check.name, "sql": check.sql, "on_fail": check.on_fail, "tolerance": check.tolerance}
        for check in contract.checks
    ]
    if as_json:
        print_json(
            {
                "name": contract.name,
                "doc": contract.doc,
                "columns": contract.describe(),
                "key": list(contract.key),
                "cluster_by": list(contract.cluster_by),
                "tags": list(contract.tags),
                "checks": checks,
                "writer": writer.id if writer else None,
                "fingerprint": contract.fingerprint(),
            }
        )
        return
    print(f"{contract.name}: {contract.doc}")
    print(f"key: {', '.join(contract.key) or 'none, the table is overwritten whole'}")
    if contract.cluster_by:
        print(f"sorted by: {', '.join(contract.cluster_by)}")
    if contract.tags:
        print(f"member of: {', '.join(contract.tags)}")
    print(f"written by: {f'{writer.id} ({writer.file})' if writer else 'no declared flow'}\n")
    rows = [list(column.values()) for column in contract.describe()]
    print_table(["column", "type", "null", "unit", "meaning"], rows, width=_DOC)
    if checks:
        print()
        print_table(["check", "predicate", "else"], [(c["name"], c["sql"], c["on_fail"]) for c in checks], width=_DOC)
