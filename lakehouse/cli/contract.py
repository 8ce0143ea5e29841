"""``mixlake contract``."""

from __future__ import annotations

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table

_DOC = 1000


@click.command(name="contract")
@click.argument("table")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print name, doc, columns, key, cluster_by, checks and writer; of a view name, doc, columns, reads and file.",
)
@click.pass_obj
def command(context: Context, table: str, as_json: bool) -> None:
    r"""Show a table's contract: columns, key, checks, and the flow that writes it; or what a view has.

    TABLE is a table or a view. Of a check's rows in a run, a share up to its tolerance is quarantined; beyond it, the
    flow fails.

    \b
    Examples:
      mixlake contract silver.documents
      mixlake contract quota
    """
    from lakehouse.errors import unknown_table

    registry = context.project.registry
    contract = registry.tables.get(table)
    if contract is None:
        if any(path.stem == table for path in registry.views):
            _print_view(context, table, as_json=as_json)
            return
        known = {*registry.tables, *(path.stem for path in registry.views)}
        raise unknown_table(table, known, "mixlake tables lists those that exist")
    writer = registry.writers.get(table)
    checks = [
        {
            "name": check.name,
            "sql": check.sql,
            "on_fail": check.on_fail,
            "tolerance": check.tolerance,
            "allowed": 0.0 if check.on_fail == "fail" else check.allowed(writer.reject_tolerance if writer else 0.05),
        }
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
        listed = [(c["name"], c["sql"], c["on_fail"], f"{c['allowed']:.4g}") for c in checks]
        print_table(["check", "predicate", "else", "tolerance"], listed, numbers=["tolerance"], width=_DOC)
        if writer and any(c["tolerance"] is None and c["on_fail"] != "fail" for c in checks):
            print(f"\nwhere a check states no tolerance, that of the flow counts: {writer.reject_tolerance:.4g}")


def _print_view(context: Context, name: str, *, as_json: bool) -> None:
    from lakehouse.query.connection import connect
    from lakehouse.query.view_columns import describe_view

    with connect(context.project) as connection:
        view = describe_view(connection, name)
    if as_json:
        print_json(
            {
                "name": view.name,
                "doc": view.doc,
                "columns": list(view.columns),
                "reads": list(view.reads),
                "file": view.file,
            }
        )
        return
    print(f"{view.name}: {view.doc}")
    print(f"view over: {', '.join(view.reads) or 'no table'} ({view.file})\n")
    print_table(["column", "type", "meaning"], [list(column.values()) for column in view.columns], width=_DOC)
