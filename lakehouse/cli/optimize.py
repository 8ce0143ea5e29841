"""``mixlake optimize``."""

from __future__ import annotations

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, size


@click.command(name="optimize")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--dry-run", is_flag=True, help="Only print what would be compacted; start no JVM.")
@click.option(
    "--target",
    type=click.IntRange(min=1),
    default=128,
    show_default=True,
    metavar="MIB",
    help="Approximate size of a compacted file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print objects with table, files, files_after, bytes, reason.")
@click.pass_obj
def command(context: Context, tables: tuple[str, ...], dry_run: bool, target: int, as_json: bool) -> int:
    r"""Compact small files into fewer, in the order of each table's clustering.

    Rows do not change: nothing becomes stale, and releases keep their files. Files that were replaced are
    deleted by mixlake vacuum, once unreferenced.

    \b
    Examples:
      mixlake optimize --dry-run
      mixlake optimize silver.documents
    """
    from lakehouse.release.optimize import optimize

    results = optimize(context.project, tables or None, target_bytes=target << 20, dry_run=dry_run)
    if as_json:
        print_json([item.as_dict() for item in results])
        return any(item.failed for item in results)
    rows = [(item.table, item.files, item.files_after, size(item.bytes), item.reason) for item in results]
    numbers = ["files", "files after", "rewritten"]
    print_table(["table", *numbers, "why not"], rows, numbers=numbers, width=100)
    return any(item.failed for item in results)
