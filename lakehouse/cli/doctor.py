"""``mixlake doctor``."""

from __future__ import annotations

import dataclasses

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print objects with name, state, found and mend.")
@click.option("--master", metavar="URL", help="Also look whether this cluster answers: spark://..., yarn")
@click.pass_obj
def command(context: Context, as_json: bool, master: str | None) -> int:
    r"""Say what is wrong with this machine or lake, and how to mend it; exit 1 if something is broken.

    \b
    Examples:
      mixlake doctor
      mixlake doctor --master spark://host:7077
    """
    from lakehouse.doctor import examine

    found = examine(context.uri, master)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in found])
    else:
        rows = [(finding.name, finding.state, finding.found, finding.mend) for finding in found]
        print_table(["", "state", "found", "how to mend it"], rows, width=1000)
    return 1 if any(finding.state == "broken" for finding in found) else 0
