"""``mixlake vacuum``."""

from __future__ import annotations

from collections.abc import Mapping

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, size, warn


@click.command(name="vacuum")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--dry-run", is_flag=True, help="Only print what would be deleted.")
@click.option(
    "--retention-hours",
    type=click.FloatRange(min=0),
    default=168.0,
    show_default=True,
    metavar="HOURS",
    help="Retention of files that no commit names: a writer may be about to commit them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print objects with table, files, bytes, and versions kept.")
@click.pass_obj
def command(context: Context, tables: tuple[str, ...], dry_run: bool, retention_hours: float, as_json: bool) -> int:
    r"""Delete unreferenced files.

    Each table's latest version, what live releases pin, and all versions since the oldest one that a flow continues
    from are retained. Logs are kept. A query without a release may lose its files while a vacuum runs.
    A table that cannot be read is skipped with the tables from which it was made, and the exit status is 1.

    \b
    Examples:
      mixlake vacuum --dry-run
      mixlake vacuum silver.documents
    """
    from lakehouse.release.vacuum import vacuum

    registry = context.project.registry
    reads = {flow.writes.name: registry.inputs(flow) for flow in registry.flows.values()}
    results = vacuum(context.catalog, tables or None, reads=reads, retention_hours=retention_hours, dry_run=dry_run)
    status = int(any(item.skipped for item in results))
    if as_json:
        print_json([item.as_dict() for item in results])
        return status
    rows = [
        (item.table, item.files, size(item.bytes), item.change_files, size(item.change_bytes), _kept(item.retained))
        for item in results
        if not item.skipped
    ]
    numbers = ["files", "size", "change files", "size of changes"]
    print_table(["table", *numbers, "versions kept"], rows, numbers=numbers, width=100)
    count = sum(item.files + item.change_files for item in results)
    total = sum(item.bytes + item.change_bytes for item in results)
    print(f"{count} files ({size(total)}) {'would be' if dry_run else 'were'} deleted")
    orphans = sum(item.recent_orphans for item in results)
    if orphans:
        print(f"{orphans} files that no commit names are younger than {retention_hours:g} hours and are retained")
    for item in results:
        if item.skipped:
            warn(f"{item.table} was skipped: {item.skipped}")
    return status


def _kept(kept: Mapping[int, str]) -> str:
    """Return versions with the reasons to retain them; consecutive ones of one reason as a range."""
    runs: list[tuple[int, int, str]] = []
    for version, why in sorted(kept.items(), reverse=True):
        if runs and runs[-1][0] == version + 1 and runs[-1][2] == why:
            runs[-1] = (version, runs[-1][1], why)
        else:
            runs.append((version, version, why))
    return "; ".join(f"{first if first == last else f'{first}-{last}'} {why}" for first, last, why in runs)
