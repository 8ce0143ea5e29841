"""``mixlake release``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table

if TYPE_CHECKING:
    from lakehouse.release.diff import MeasureDiff

_SHOWN = 20


@click.group(name="release")
def command() -> None:
    r"""Create, list, compare, verify and drop releases: named sets of table versions.

    \b
    Example:
      mixlake release create mix-1 --note "first mixture"
    """


@command.command()
@click.argument("name")
@click.option("--table", "tables", multiple=True, help="Table to pin; default: all tables of the gold layer.")
@click.option("--note", default="", help="Note for the record, such as the purpose of the release.")
@click.option("--json", "as_json", is_flag=True, help="Print the release as JSON, like release show --json.")
@click.pass_obj
def create(context: Context, name: str, tables: tuple[str, ...], note: str, as_json: bool) -> None:
    r"""Pin the latest versions of the gold tables, and of their upstream tables, under a name.

    \b
    Example:
      mixlake release create mix-1 --note "first mixture"
    """
    from lakehouse.release.create import create_release

    release = create_release(context.project, name, tables or None, note)
    if as_json:
        print_json(release.as_dict())
        return
    print(f"release {release.name}: {len(release.tables)} tables, digest {release.digest}")


@command.command(name="list")
@click.option("--dropped", is_flag=True, help="Also list dropped releases.")
@click.option("--json", "as_json", is_flag=True, help="Print objects as release show does, with state.")
@click.pass_obj
def list_(context: Context, dropped: bool, as_json: bool) -> None:
    r"""List live and broken releases, oldest first. A broken release lost rows to a purge.

    \b
    Example:
      mixlake release list
    """
    from lakehouse.ledger.releases import list_releases

    releases = list_releases(context.catalog, dropped=dropped, broken=True)
    if as_json:
        print_json([release.as_dict() for release in releases])
        return
    rows = [
        (r.name, r.digest[:16], len(r.tables), r.created_at.isoformat(" ", "seconds"), r.state, r.reason or r.note)
        for r in releases
    ]
    if not rows:
        print("there is no release; mixlake release create NAME makes one")
        return
    print_table(["name", "digest", "tables", "made", "state", "note"], rows, numbers=["tables"])


@command.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print name, digest and tables {name: version}, and more.")
@click.pass_obj
def show(context: Context, name: str, as_json: bool) -> None:
    r"""Show what a release pins.

    \b
    Example:
      mixlake release show mix-1 --json
    """
    from lakehouse.ledger.releases import load_release

    project = context.project
    release = load_release(project.catalog, name)
    if as_json:
        print_json(release.as_dict())
        return
    print(f"{release.name}  {release.digest}\nmade {release.created_at.isoformat(' ', 'seconds')}  {release.note}\n")
    rows = [(table, version, release.digests.get(table, "")) for table, version in sorted(release.tables.items())]
    print_table(["table", "version", "content digest"], rows, numbers=["version"])


@command.command()
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="Print all tables and measures, including unchanged ones.")
@click.pass_obj
def diff(context: Context, before: str, after: str, as_json: bool) -> None:
    r"""Compare two releases: rows by table, and the project's measures, such as tokens by licence and cell.

    A measure is a view of the layer measures (sql/views/measures.NAME.sql) whose last column is a number.

    \b
    Example:
      mixlake release diff mix-1 mix-2
    """
    from lakehouse.release.diff import diff_releases

    difference = diff_releases(context.project, before, after)
    if as_json:
        print_json(difference.as_dict())
        return
    differing = [item for item in difference.tables if item.status != "same"]
    if differing:
        numbers = [before, after, "added", "removed", "changed"]
        rows = [(item.table, *item.rows, item.added, item.removed, item.changed) for item in differing]
        print_table(["rows", *numbers], rows, numbers=numbers)
    print(f"{len(difference.tables) - len(differing)} of {len(difference.tables)} tables hold the same rows")
    for measure in difference.measures:
        _print_measure(measure, before, after)


def _print_measure(measure: MeasureDiff, before: str, after: str) -> None:
    rows = [
        (*group, old, new, f"{(new or 0) - (old or 0):+d}" if isinstance(new or old, int) else (new or 0) - (old or 0))
        for group, old, new in measure.changed_groups
    ]
    if rows:
        numbers = [f"{before} {measure.value}", f"{after} {measure.value}", "difference"]
        print(f"\n{measure.measure.replace('_', ' ')}")
        print_table([*measure.columns, *numbers], rows[:_SHOWN], numbers=numbers)
    if len(rows) > _SHOWN:
        print(f"and {len(rows) - _SHOWN} more; --json prints all")
    if measure.missing:
        print(f"{measure.measure} cannot be compared: {measure.missing}")


@command.command()
@click.argument("name")
@click.option("--deep", is_flag=True, help="Also read all pages, verify their checksums, and count the rows.")
@click.option("--json", "as_json", is_flag=True, help="Print name, whole, and problems with table, file and what.")
@click.pass_obj
def verify(context: Context, name: str, deep: bool, as_json: bool) -> int:
    r"""Check that all data files of a release exist unchanged; exit 1 if not.

    Names, sizes and footers are compared; with --deep each byte of the files is read.

    \b
    Examples:
      mixlake release verify mix-1
      mixlake release verify mix-1 --deep
    """
    from lakehouse.release.verify import verify_release

    problems = verify_release(context.catalog, name, deep=deep)
    if as_json:
        listed = [dataclasses.asdict(problem) for problem in problems]
        print_json({"name": name, "whole": not problems, "problems": listed})
    elif problems:
        print_table(["table", "file", "problem"], [dataclasses.astuple(problem) for problem in problems])
        print(f"the release {name} is not whole")
    else:
        print(f"the release {name} is whole")
    return 1 if problems else 0


@command.command()
@click.argument("name")
@click.pass_obj
def drop(context: Context, name: str) -> None:
    r"""Drop a release; its record stays in the ledger.

    The files that only it needed are deleted by the next mixlake vacuum.

    \b
    Example:
      mixlake release drop mix-0
      mixlake vacuum
    """
    from lakehouse.ledger.releases import drop_release

    drop_release(context.catalog, name)
    print(f"the release {name} is dropped")
