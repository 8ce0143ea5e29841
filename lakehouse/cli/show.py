"""``mixlake show``."""

from __future__ import annotations

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, size

_DOC = 1000


@click.command(name="show")
@click.argument("table", metavar="TABLE[@VERSION]|VIEW")
@click.option("-n", "--rows", "count", default=10, show_default=True, type=click.IntRange(0), help="Rows to show.")
@click.option("--json", "as_json", is_flag=True, help="Print name, version, rows, bytes, columns and first.")
@click.pass_obj
def command(context: Context, table: str, count: int, as_json: bool) -> None:
    r"""Show a table: its size, its columns and its first rows; of a view its columns and first rows.

    \b
    Examples:
      mixlake show silver.documents@3
      mixlake show quota
    """
    from lakehouse.delta.data_files import totals
    from lakehouse.errors import UsageError, unknown_table
    from lakehouse.query.connection import connect
    from lakehouse.query.python_values import to_rows
    from lakehouse.query.sql_guard import quoted
    from lakehouse.query.table_names import parse_table

    name, version = parse_table(table)
    project = context.project
    views = {path.stem for path in project.registry.views}
    if name in views - project.registry.tables.keys():
        if version is not None:
            raise UsageError(
                f"{name} is a view, which has no versions", f"mixlake sql 'FROM {name}' --at ... reads one"
            )
        _show_view(context, name, count, as_json=as_json)
        return
    if "." not in name:
        raise unknown_table(name, {*project.registry.tables, *views})
    with connect(project, tables=None if version is None else {name: version}) as connection:
        columns = list(connection.columns(name))
        answer = connection.table(f"SELECT * FROM {quoted(name)} LIMIT {count}")  # noqa: S608 - quoted
        at = connection.versions.get(name)
    rows, total_bytes = totals(project.catalog.open(name, at)) if at is not None else (0, 0)
    types = {field.name: str(field.type) for field in answer.schema}
    first = to_rows(answer)
    if as_json:
        described = [{"column": column, "type": types[column]} for column in columns]
        print_json(
            {"name": name, "version": at, "rows": rows, "bytes": total_bytes, "columns": described, "first": first}
        )
        return
    written = f"version {at}" if at is not None else "declared, never written"
    print(f"{name}, {written}, {rows} rows, {size(total_bytes)}\n")
    contract = project.registry.tables.get(name)
    docs = {c.name: c.doc for c in contract.columns} if contract else {}
    print_table(["column", "type", "meaning"], [(c, types[c], docs.get(c, "")) for c in columns], width=_DOC)
    if first:
        print()
        print_table(columns, [list(row.values()) for row in first], cut=True)


def _show_view(context: Context, name: str, count: int, *, as_json: bool) -> None:
    from lakehouse.query.connection import connect
    from lakehouse.query.python_values import to_rows
    from lakehouse.query.sql_guard import quoted
    from lakehouse.query.view_columns import describe_view

    with connect(context.project) as connection:
        view = describe_view(connection, name)
        first = to_rows(connection.table(f"SELECT * FROM {quoted(name)} LIMIT {count}"))  # noqa: S608 - quoted
    if as_json:
        columns = [{"column": column["column"], "type": column["type"]} for column in view.columns]
        print_json({"name": name, "version": None, "rows": None, "bytes": None, "columns": columns, "first": first})
        return
    print(f"{name}, a view over {', '.join(view.reads) or 'no table'}: {view.doc}\n")
    print_table(["column", "type", "meaning"], [list(column.values()) for column in view.columns], width=_DOC)
    if first:
        print()
        print_table([c["column"] for c in view.columns], [list(row.values()) for row in first], cut=True)
