"""``mixlake trace``."""

from __future__ import annotations

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, warn


@click.command(name="trace")
@click.argument("sample", metavar="[ID|URI]", required=False)
@click.option("--step", type=click.IntRange(1), metavar="N", help="List the rows and samples that a training step saw.")
@click.option("--run", "training_run", help="With --step: the training run; default: the one with the latest step.")
@click.option("--at", metavar="AT", help="Trace at a release, a time, TABLE@VERSION[,...], or a version.")
@click.option(
    "--limit",
    default=10_000,
    show_default=True,
    type=click.IntRange(1),
    help="Maximum number of rows, training steps among them.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print id, nodes, edges, runs and outcomes; of a step training_run, step, release, stage and rows.",
)
@click.pass_obj
def command(  # noqa: PLR0913 - one a flag
    context: Context,
    sample: str | None,
    *,
    step: int | None,
    training_run: str | None,
    at: str | None,
    limit: int,
    as_json: bool,
) -> None:
    r"""Trace a row up to its source and down to the training steps that saw it, or a step to its rows.

    ID is a sample id, or a prefix that identifies one sample; URI is the address of its original. Tables stand in the
    order of the way, and what became of the rows after them; mixlake why tells that with each rule and value.

    \b
    Examples:
      mixlake trace 3f2a91c0 --json
      mixlake trace apt:sqlite3-doc/usr/share/doc/sqlite3/index.html
      mixlake trace --step 12
    """
    if (sample is None) == (step is None):
        raise click.UsageError("give a sample id or an address, or --step N")
    if step is not None:
        if at is not None:
            raise click.UsageError("--at can only be used with a sample id, not with --step")
        _print_step(context, step, training_run, as_json=as_json)
    elif training_run is not None:
        raise click.UsageError("--run can only be used with --step")
    else:
        _print_trace(context, sample or "", at, limit, as_json=as_json)


def _print_step(context: Context, number: int, training_run: str | None, *, as_json: bool) -> None:
    from lakehouse.lineage.training_steps import step

    recorded = step(context.project, number, training_run)
    if as_json:
        print_json(recorded)
        return
    print(
        f"step {recorded['step']} of {recorded['training_run']}: stage {recorded['stage']} of release "
        f"{recorded['release']}, {len(recorded['rows'])} rows\n"
    )
    rows = [
        (row["position"], sample["sample_id"], sample["tokens"], sample["source"], sample["license"])
        for row in recorded["rows"]
        for sample in row["samples"]
    ]
    print_table(["position", "sample", "tokens", "source", "licence"], rows, numbers=["position", "tokens"])


def _print_trace(context: Context, sample: str, at: str | None, limit: int, *, as_json: bool) -> None:
    from lakehouse.lineage.trace import trace

    traced = trace(context.project, sample, at, limit=limit)
    if as_json:
        print_json(traced.as_dict())
        return
    print(f"{traced.id}\n")
    flows = {(run["run_id"], run["table"]): run for run in traced.runs}
    located = any(node.uri for node in traced.nodes)
    rows = []
    for node in traced.nodes:
        run = flows.get((node.run_id, node.table), {})
        values = [node.table, node.version, node.id, node.source, node.license, *([node.uri] if located else [])]
        rows.append((*values, run.get("flow", ""), node.run_id))
    names = ["table", "version", "id", "source", "licence", *(["uri"] if located else []), "flow", "run"]
    print_table(names, rows, numbers=["version"])
    made = [edge for edge in traced.edges if edge.parent != edge.child]
    if made:
        print()
        print_table(
            ["from", "parent", "made", "child"],
            [(edge.parent_table, edge.parent, edge.child_table, edge.child) for edge in made],
        )
    lost = [event for event in traced.outcomes if event["outcome"] != "kept"]
    if lost:
        print()
        keys = ("table", "sample_id", "outcome", "rule", "column", "value", "threshold")
        print_table(
            ["table", "id", "outcome", "rule", "column", "value", "allowed"],
            [[event[key] for key in keys] for event in lost],
        )
    if traced.truncated:
        warn(f"only {len(traced.nodes)} rows were followed; raise --limit")
