"""``mixlake release``."""

from __future__ import annotations

import dataclasses

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table


@click.group(name="release")
def command() -> None:
    r"""Create, list, compare, verify and drop releases: named sets of table versions.

    \b
    Example:
      mixlake release create mix-1 --note "first mixture"
    """


@command.command()
@click.argument("name")
@click.option("--table", "tables", multiple=True, help="A table to pin; by default all of the gold layer.")
@click.option("--note", default="", help="Why it is made.")
@click.option("--json", "as_json", is_flag=True, help="Print what release show prints.")
@click.pass_obj
def create(context: Context, name: str, tables: tuple[str, ...], note: str, as_json: bool) -> None:
    r"""Pin the latest versions of the gold tables, and of what they descend from, under a name.

    \b
    Example:
      mixlake release create mix-1 --note "first mixture"
    """
    from lakehouse.release import create_release

    release = create_release(context.lake, name, tables or None, note)
    if as_json:
        print_json(release.as_dict())
        return
    print(f"release {release.name}: {len(release.tables)} tables, digest {release.digest}")


@command.command(name="list")
@click.option("--dropped", is_flag=True, help="List those that were given up, too.")
@click.option("--json", "as_json", is_flag=True, help="Print objects as release show does, with state.")
@click.pass_obj
def list_(context: Context, dropped: bool, as_json: bool) -> None:
    r"""List releases, oldest first.

    \b
    Example:
      mixlake release list
    """
    from lakehouse.release import list_releases

    found = list_releases(context.lake, dropped=dropped)
    if as_json:
        print_json([{**release.as_dict(), "state": release.state} for release in found])
        return
    rows = [
        (r.name, r.digest[:16], len(r.tables), r.created_at.isoformat(" ", "seconds")[:19], r.state, r.note)
        for r in found
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
    from lakehouse.release import load_release

    lake = context.lake
    release = load_release(lake.uri, name, storage_options=lake.storage_options)
    if as_json:
        print_json(release.as_dict())
        return
    print(f"{release.name}  {release.digest}\nmade {release.created_at.isoformat(' ', 'seconds')}  {release.note}\n")
    rows = [(table, version, release.digests.get(table, "")) for table, version in sorted(release.tables.items())]
    print_table(["table", "version", "content digest"], rows, numbers=["version"])


@command.command()
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="Print objects with table, change, versions and rows.")
@click.pass_obj
def diff(context: Context, before: str, after: str, as_json: bool) -> None:
    r"""Compare two releases table by table.

    \b
    Example:
      mixlake release diff mix-1 mix-2
    """
    from lakehouse.verify import diff_releases

    found = diff_releases(context.lake, before, after)
    if as_json:
        print_json(found)
        return
    rows = [(item["table"], item["change"], *item["versions"], *item["rows"]) for item in found]
    numbers = [f"{before} version", f"{after} version", f"{before} rows", f"{after} rows"]
    print_table(["table", "change", *numbers], rows, numbers=numbers)


@command.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print name, whole, and problems with table, file and what.")
@click.pass_obj
def verify(context: Context, name: str, as_json: bool) -> int:
    r"""Check that all data files of a release are there as they were; exit 1 if not.

    \b
    Example:
      mixlake release verify mix-1
    """
    from lakehouse.verify import verify_release

    problems = verify_release(context.lake, name)
    if as_json:
        told = [dataclasses.asdict(problem) for problem in problems]
        print_json({"name": name, "whole": not problems, "problems": told})
    elif problems:
        print_table(["table", "file", "what"], [dataclasses.astuple(problem) for problem in problems])
        print(f"the release {name} is not whole")
    else:
        print(f"the release {name} is whole")
    return 1 if problems else 0


@command.command()
@click.argument("name")
@click.pass_obj
def drop(context: Context, name: str) -> None:
    r"""Give a release up; its files may then be vacuumed. Its row stays for the record.

    \b
    Example:
      mixlake release drop mix-0
    """
    from lakehouse.release import drop_release

    drop_release(context.lake, name)
    print(f"the release {name} is dropped")
