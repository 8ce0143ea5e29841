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
    r"""Show what a table promises: columns, key, checks, and the flow that writes it.

    \b
    Example:
      mixlake contract silver.documents
    """
    from lakehouse.errors import unknown_table
    from lakehouse.query.table_names import refuse_view

    registry = context.project.registry
    found = registry.tables.get(table)
    if found is None:
        refuse_view(context.project, table)
        raise unknown_table(table, registry.tables, "mixlake tables lists those that exist")
    writer = registry.writers.get(table)
    checks = [
        {"name": check.name, "sql": check.sql, "on_fail": check.on_fail, "tolerance": check.tolerance}
        for check in found.checks
    ]
    if as_json:
        print_json(
            {
                "name": found.name,
                "doc": found.doc,
                "columns": found.describe(),
                "key": list(found.key),
                "cluster_by": list(found.cluster_by),
                "tags": list(found.tags),
                "checks": checks,
                "writer": writer.id if writer else None,
                "fingerprint": found.fingerprint(),
            }
        )
        return
    print(f"{found.name}: {found.doc}")
    print(f"key: {', '.join(found.key) or 'none, the table is overwritten whole'}")
    if found.cluster_by:
        print(f"sorted by: {', '.join(found.cluster_by)}")
    if found.tags:
        print(f"member of: {', '.join(found.tags)}")
    print(f"written by: {f'{writer.id} ({writer.file})' if writer else 'no declared flow'}\n")
    rows = [list(column.values()) for column in found.describe()]
    print_table(["column", "type", "null", "unit", "meaning"], rows, width=_DOC)
    if checks:
        print()
        print_table(["check", "predicate", "else"], [(c["name"], c["sql"], c["on_fail"]) for c in checks], width=_DOC)
