"""``mixlake doctor``."""

from __future__ import annotations

import dataclasses

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table


@click.command(name="doctor")
@click.option("--master", metavar="URL", help="Also check that this cluster responds: spark://..., yarn")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as objects.")
@click.pass_obj
def command(context: Context, master: str | None, as_json: bool) -> int:
    r"""Diagnose this machine and lake, with fixes; exit 1 if something is broken.

    \b
    Examples:
      mixlake doctor
      mixlake doctor --master spark://host:7077
    """
    from lakehouse.doctor import examine

    findings = examine(context.uri, master)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        rows = [(finding.name, finding.state, finding.detail, finding.fix) for finding in findings]
        print_table(["", "state", "detail", "fix"], rows, width=1000)
    return 1 if any(finding.state == "broken" for finding in findings) else 0
