"""``mixlake step``."""

from __future__ import annotations

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table


@click.command(name="step")
@click.argument("number", metavar="N", type=click.IntRange(1))
@click.option("--run", "training_run", help="The training run; by default the one that stepped last.")
@click.option("--json", "as_json", is_flag=True, help="Print training_run, step, release, stage and rows.")
@click.pass_obj
def command(context: Context, number: int, training_run: str | None, as_json: bool) -> None:
    r"""List the rows and the samples that training step N saw.

    \b
    Example:
      mixlake step 12 --json
    """
    from lakehouse.lineage.training_steps import step

    found = step(context.project, number, training_run)
    if as_json:
        print_json(found)
        return
    print(
        f"step {found['step']} of {found['training_run']}: stage {found['stage']} of release {found['release']}, "
        f"{len(found['rows'])} rows\n"
    )
    rows = [
        (row["position"], sample["sample_id"], sample["tokens"], sample["source"], sample["license"])
        for row in found["rows"]
        for sample in row["samples"]
    ]
    print_table(["position", "sample", "tokens", "source", "licence"], rows, numbers=["position", "tokens"])
