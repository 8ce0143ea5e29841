"""``mixlake tables``."""

from __future__ import annotations

from datetime import datetime

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, size, warn


@click.command(name="tables")
@click.option(
    "--json", "as_json", is_flag=True, help="Print objects with name, uri, version, rows, bytes, updated, error."
)
@click.pass_obj
def command(context: Context, as_json: bool) -> int:
    r"""List the tables of the lake; the exit status is 1 where one cannot be read.

    \b
    Example:
      mixlake tables --json
    """
    from lakehouse.query import inventory

    tables = inventory.tables(context.catalog)
    status = int(any(t["error"] for t in tables))
    if as_json:
        print_json(tables)
        return status
    if not tables:
        print(f"{context.catalog.uri} has no tables yet; create them with mixlake run")
        return 0
    rows = [
        (t["name"], "", "", "", "unreadable")
        if t["error"]
        else (t["name"], t["version"], t["rows"], size(t["bytes"]), _time(t["updated"]))
        for t in tables
    ]
    print_table(["table", "version", "rows", "size", "updated"], rows, numbers=["version", "rows", "size"])
    for t in tables:
        if t["error"]:
            warn(t["error"])
    return status


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
