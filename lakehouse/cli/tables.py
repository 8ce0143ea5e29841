"""``mixlake tables``."""

from __future__ import annotations

from datetime import datetime

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, size


@click.command(name="tables")
@click.option("--json", "as_json", is_flag=True, help="Print objects with name, uri, version, rows, bytes, updated.")
@click.pass_obj
def command(context: Context, as_json: bool) -> None:
    r"""List the tables of the lake.

    \b
    Example:
      mixlake tables --json
    """
    from lakehouse.query import inventory

    tables = inventory.tables(context.catalog)
    if as_json:
        print_json(tables)
        return
    if not tables:
        print(f"{context.catalog.uri} has no tables yet; create them with mixlake run")
        return
    rows = [(t["name"], t["version"], t["rows"], size(t["bytes"]), _time(t["updated"])) for t in tables]
    print_table(["table", "version", "rows", "size", "updated"], rows, numbers=["version", "rows", "size"])


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
