"""``mixlake retract``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, warn

_SHOWN = 3

if TYPE_CHECKING:
    from lakehouse.ledger.retractions import Kind, Scope
    from lakehouse.retraction.report import RetractionReport


@click.command(name="retract")
@click.option("--source", "sources", multiple=True, metavar="KEY", help="Rows of a source.")
@click.option(
    "--license",
    "licenses",
    multiple=True,
    metavar="SPDX",
    help="Rows under a licence, alone or joined to others by AND.",
)
@click.option(
    "--uri",
    "uris",
    multiple=True,
    metavar="GLOB",
    help="Rows whose address matches a pattern: * is any text, ? any character.",
)
@click.option("--id", "ids", multiple=True, metavar="ID", help="Sample id; may be given several times.")
@click.option("--ids-from", type=click.Path(exists=True, dir_okay=False), help="File of sample ids, one per line.")
@click.option("--reason", required=True, help="Reason, which is recorded.")
@click.option(
    "--scope",
    type=click.Choice(["origin", "content"]),
    help="origin: copies from other sources stay. content: equal content and verified duplicates are removed too, "
    "and refused later. Default: content for ids, else origin.",
)
@click.option(
    "--purge",
    is_flag=True,
    help="Also delete the rows from older versions: files that contain them are deleted; releases that contain them "
    "become broken.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only report which rows would be removed, and which releases and training steps have seen them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the order, matched and derived rows, releases and steps.")
@click.pass_obj
def command(  # noqa: PLR0913, PLR0917 - one a flag
    context: Context,
    sources: tuple[str, ...],
    licenses: tuple[str, ...],
    uris: tuple[str, ...],
    ids: tuple[str, ...],
    ids_from: str | None,
    reason: str,
    scope: Scope | None,
    purge: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    r"""Retract rows, with all rows derived from them; the next mixlake run removes them.

    The order is recorded in ledger.retractions and takes effect immediately: matching rows that land later are
    refused. That table also records when, and by which run, it was applied, and how many rows of which tables went
    (matched, and derived from those). Releases keep what they pin; the command prints which of them, and which
    training steps, have seen it.

    With --purge the next mixlake run also breaks those releases, for good, and deletes the older data files and
    change files that contain the rows, quarantined rows, and the logs of runs. Files that a commit names are deleted
    at any age. The tables' own logs stay: they state values of key and clustering columns only. If a table still
    contains the rows, because a flow failed or was not selected, or if a log states other values of them, the purge
    waits: the run reports why, names the command that ends it, and exits with 1.

    \b
    Examples:
      mixlake retract --source udhr --reason "the licence was withdrawn" --dry-run
      mixlake retract --id 3f2a91c0d4e5f60718293a4b5c6d7e8f --reason "a person asked"
      mixlake retract --id 3f2a91c0d4e5f60718293a4b5c6d7e8f --reason "a court ordered it" --purge
    """
    from lakehouse.declare.user_files import read_text
    from lakehouse.retraction.retract import RetractionRequest, retract

    sample_ids = list(ids)
    if ids_from:
        sample_ids.extend(read_text(Path(ids_from)).split())
        if not sample_ids:
            raise click.UsageError(f"{ids_from} contains no ids; write one per line")
    values: dict[Kind, list[str]] = {"source": [*sources], "license": [*licenses], "uri": [*uris], "id": sample_ids}
    chosen = [kind for kind, named in values.items() if any(named)]
    if len(chosen) != 1:
        raise click.UsageError("give exactly one of --source, --license, --uri, --id")
    kind = chosen[0]
    request = RetractionRequest(kind, values[kind], reason=reason, scope=scope, purge=purge)
    report = retract(context.project, request, dry_run=dry_run)
    if as_json:
        print_json(report.as_dict())
        return
    show(report)


def show(report: RetractionReport) -> None:
    """Print what an order does."""
    order = report.order
    tables = sorted({*order.matched, *order.derived})
    if tables:
        rows = [(name, order.matched.get(name, 0), order.derived.get(name, 0)) for name in tables]
        print_table(["table", "match", "made from them"], rows, numbers=["match", "made from them"])
    elif report.suggestions:
        print(f"no row matches now: did you mean {' or '.join(report.suggestions)}?")
    else:
        hint = "" if order.kind == "id" else f": query the lake for the spelling of the {order.kind}"
        print(f"no row matches now{hint}")
    if report.unmatched:
        shown = ", ".join(report.unmatched[:_SHOWN]) + (", ..." if len(report.unmatched) > _SHOWN else "")
        warn(f"no row has {len(report.unmatched)} of the ids now: {shown}")
    print(f"releases that contain them: {', '.join(order.releases) or 'none'}")
    if report.seen:
        print_table(
            ["training run", "release", "steps", "first", "last"],
            [(s.training_run, s.release, s.steps, s.first, s.last) for s in report.seen],
            numbers=["steps", "first", "last"],
        )
    else:
        print("no recorded training step has seen them")
    for what in report.unresolved:
        warn(f"cannot check for these rows in {what}")
    if report.recorded:
        done = "mixlake run removes the rows" if tables else "rows that land later and match are refused"
        print(f"retraction {order.ordinal} is recorded (scope {order.scope}); {done}")
    else:
        print("nothing was recorded")
    if order.purge:
        broken = f"breaks the releases {', '.join(order.releases)}" if order.releases else "breaks no release"
        would = "would" if not report.recorded else "will"
        print(
            f"once no table contains them, that run {would} purge them: it {broken}, and deletes all files that "
            "contain them"
        )
