"""``mixlake report``: a folder of HTML pages about the lake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli.output import print_json, warn

if TYPE_CHECKING:
    from lakehouse.cli.context import Context


@click.command(name="report")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    default=Path("site"),
    show_default=True,
    help="Folder to write; one that is there is replaced only if it is a report.",
)
@click.option("--at", metavar="AT", help="Read at a release, a time, TABLE@VERSION[,...], or a version.")
@click.option(
    "--runs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Folder of training runs, or one run's, with metrics.jsonl. Default: runs, where it is.",
)
@click.option(
    "--samples", "each", type=click.IntRange(1, 20), default=3, show_default=True, help="Samples of each kind to show."
)
@click.option("--json", "as_json", is_flag=True, help="Print folder, files and gaps {what: why it was not read}.")
@click.pass_obj
def command(context: Context, output: Path, at: str | None, *, runs: Path | None, each: int, as_json: bool) -> int:
    r"""Write a report of the lake: HTML pages that open without a network, and contain no script.

    They show the catalogue with columns and docs, flows and their states, quotas, what each rule removed, licences,
    samples of each kind with players and pictures, releases and how they differ, and training curves beside the data.
    What the lake lacks is left out; the exit status is 1 where something is there and cannot be read.
    Samples are inside the pages: give a report to no one who may not see them.

    \b
    Examples:
      mixlake report -o site
      mixlake report --at mix-1 -o mix-1-report --runs runs
    """
    from jobs.report.folder import require_replaceable, write_report
    from jobs.report.site import build_site

    require_replaceable(output)
    folder = runs or (Path("runs") if Path("runs").is_dir() else None)
    site = build_site(context.project, at, runs=folder, each=each)
    write_report(output, site.pages, {"lake": context.project.catalog.uri, "at": at})
    if as_json:
        print_json({"folder": str(output), "files": sorted(site.pages), "gaps": site.gaps})
    else:
        click.echo(f"{output / 'index.html'}: {len(site.pages)} pages")
        for what, why in site.gaps.items():
            warn(f"without {what}: {why}")
    return 1 if site.damaged else 0
