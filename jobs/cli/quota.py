"""``mixlake quota``: quota, supply, drawn and shortfall by cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from lakehouse.cli.selection import param_option, thorough_option
from lakehouse.errors import TableNotFoundError, UsageError

if TYPE_CHECKING:
    from lakehouse.cli.context import Context
    from lakehouse.project import Project

KEYS = ("cell", "stage", "target", "supply", "drawn", "epochs", "shortfall", "error", "caps")
_CAPS = ("document_cap", "source_cap", "largest_document")


@click.command(name="quota")
@click.option("--stage", metavar="NAME", help="One stage only.")
@click.option("--at", metavar="AT", help="Read at a release, a time, TABLE@VERSION[,...], or a version.")
@param_option
@thorough_option
@click.option("--json", "as_json", is_flag=True, help=f"Print objects with {', '.join(KEYS)}.")
@click.pass_obj
def command(
    context: Context,
    stage: str | None,
    at: str | None,
    *,
    params: Mapping[str, Mapping[str, Any]],
    thorough: bool,
    as_json: bool,
) -> None:
    r"""Compare each stage's target of each cell with the supply and what was drawn.

    Tokens throughout. supply is what kept samples hold for all stages together; epochs is how often a drawn
    sample is seen; error is (drawn - target) / target. caps names the caps of the quota that have a part in the
    shortfall: max_document_share, of which a target of a few documents leaves none, and max_source_share. The view
    quota has document_share and source_share, too.

    With --param it shows what another quota or policy would draw from what the lake holds: the flows that decide and
    draw run in this process, into a temporary folder, and the lake stays as it is.

    \b
    Examples:
      mixlake quota
      mixlake quota --stage hot --at mix-1 --json
      mixlake quota --param 'gold.quotas.files=[more.yaml]'
      mixlake quota --param gold.samples.policy=strict.yaml --stage cold
    """
    from lakehouse.cli.output import print_json, print_table
    from lakehouse.run.preview import preview

    if params and at:
        raise UsageError("--param draws from the lake as it is now, --at reads what was drawn", "give one of them")
    if params:
        with preview(context.project, params, ("gold.mixture",), thorough=thorough) as tried:
            rows = quota_rows(tried.project, stage)
        for warning in tried.warnings:
            click.echo(f"warning: {warning}", err=True)
    else:
        rows = quota_rows(context.project, stage, at)
    if as_json:
        print_json([{key: row[key] for key in KEYS} for row in rows])
        return
    shown = [
        [
            *(row[key] for key in KEYS[:5]),
            f"{row['epochs']:.2f}",
            row["shortfall"],
            f"{row['error']:+.2%}",
            ", ".join(row["caps"]),
        ]
        for row in rows
    ]
    print_table(KEYS, shown, numbers=KEYS[2:-1])
    for row in rows:
        if row["caps"]:
            click.echo(explain_caps(row))


def explain_caps(row: Mapping[str, Any]) -> str:
    """Say how the caps of a line have a part in its shortfall, and what to do about it."""
    parts = []
    if "max_document_share" in row["caps"]:
        parts.append(
            f"documents of more than {row['document_cap']:,} tokens are left out (the largest has "
            f"{row['largest_document']:,})"
        )
    if "max_source_share" in row["caps"]:
        parts.append(f"a source gives at most {row['source_cap']:,} tokens")
    raised = " and ".join(f"{cap}: 1" for cap in row["caps"])
    return (
        f"{row['stage']} {row['cell']}: {'; '.join(parts)}. To lift it, write {raised} on the line, or a larger target"
    )


def quota_rows(project: Project, stage: str | None = None, at: str | None = None) -> list[dict[str, Any]]:
    """Return the view ``quota`` (sql/views/quota.sql) as dictionaries with `KEYS`, and what its caps let in.

    Args:
        project: The project, of whose tables it is.
        stage: One stage, None for all.
        at: Where to read; see `lakehouse.query.connection.connect`.

    Raises:
        TableNotFoundError: If the quota was not written yet.
        UsageError: If the quota has no such stage.
    """
    from lakehouse.query.connection import connect

    with connect(project, at) as connection:
        rows = connection.rows(f"SELECT {', '.join((*KEYS, *_CAPS))} FROM quota")  # noqa: S608 - fixed names
    if not rows:
        raise TableNotFoundError("the lake has no quota yet", "draw the mixture first: mixlake run +gold.mixture")
    if stage is None:
        return rows
    stages = dict.fromkeys(row["stage"] for row in rows)
    if stage not in stages:
        raise UsageError(f"the quota has no stage {stage!r}", f"it has {', '.join(stages) or 'none'}")
    return [row for row in rows if row["stage"] == stage]
