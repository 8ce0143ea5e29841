"""``mixlake doctor``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import cell, print_json, print_table

if TYPE_CHECKING:
    from lakehouse.execute.determinism import Checked


@click.command(name="doctor")
@click.argument("select", nargs=-1)
@click.option("--master", metavar="URL", help="Also look whether this cluster answers: spark://..., yarn")
@click.option("--determinism", is_flag=True, help="Run flows again on the same rows, and compare what they give.")
@click.option("--rows", type=click.IntRange(1), default=512, show_default=True, help="Rows that each flow is given.")
@click.option("--spark", is_flag=True, help="With --determinism: frame and SQL flows, too, whole. Starts a JVM.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as objects.")
@click.pass_obj
def command(  # noqa: PLR0913, PLR0917 - one a flag
    context: Context,
    select: tuple[str, ...],
    master: str | None,
    determinism: bool,
    rows: int,
    spark: bool,
    as_json: bool,
) -> int:
    r"""Say what is wrong with this machine or lake, and how to mend it; exit 1 if something is broken.

    With --determinism, say whether the flows that SELECT names (see mixlake plan; by default all) give the same
    rows each time: called again, in a fresh process, on rows in other batches and in another order. Nothing is
    written. The exit status is 1 if one differs or fails.

    \b
    Examples:
      mixlake doctor
      mixlake doctor --master spark://host:7077
      mixlake doctor --determinism silver.document_scores --rows 1000
    """
    if determinism:
        return _determinism(context, select, rows, spark=spark, as_json=as_json)
    if select or spark:
        raise click.UsageError("flows are named with --determinism only")
    from lakehouse.doctor import examine

    found = examine(context.uri, master)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in found])
    else:
        listed = [(finding.name, finding.state, finding.found, finding.mend) for finding in found]
        print_table(["", "state", "found", "how to mend it"], listed, width=1000)
    return 1 if any(finding.state == "broken" for finding in found) else 0


def _determinism(context: Context, select: tuple[str, ...], rows: int, *, spark: bool, as_json: bool) -> int:
    from lakehouse.execute.determinism import check

    found = check(context.project, select, rows, spark=spark, told=None if as_json else _show)
    if as_json:
        print_json([checked.as_dict() for checked in found])
    else:
        states = [checked.state for checked in found]
        words = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
        print(", ".join(words) or "no flow is selected")
    return 1 if any(checked.state in {"differs", "failed"} for checked in found) else 0


def _show(checked: Checked) -> None:
    told = f"{checked.rows} rows" if checked.rows else checked.detail
    print(f"{checked.writes:<28} {checked.state:<8} {told}", flush=True)
    for when, one in checked.differences:
        key = ", ".join(f"{name}={cell(value, 40)}" for name, value in one.key.items())
        if one.column:
            values = " and ".join(cell(value) for value in one.values)
            told = f"{one.column} of {one.rows} rows differs {when}: of {key or 'a row'} it was {values}"
            print(f"  {told} ({checked.place})")
        else:
            print(f"  {one.rows} rows are not there each time {when}: such as {key} ({checked.place})")
