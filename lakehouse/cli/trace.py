"""``mixlake trace``."""

from __future__ import annotations

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, warn


@click.command(name="trace")
@click.argument("sample", metavar="ID")
@click.option("--at", metavar="RELEASE", help="Trace at a release, a time, or a version.")
@click.option(
    "--limit",
    default=10_000,
    show_default=True,
    type=click.IntRange(1),
    help="Rows at most, training steps among them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print id, nodes, edges and runs.")
@click.pass_obj
def command(context: Context, sample: str, at: str | None, limit: int, as_json: bool) -> None:
    r"""Follow a row up to its source and down to the training steps that saw it.

    ID is a sample id, or enough of its beginning to name one sample.

    \b
    Example:
      mixlake trace 3f2a91c0 --json
    """
    from lakehouse.lineage.trace import trace

    found = trace(context.project, sample, at, limit=limit)
    if as_json:
        print_json(found.as_dict())
        return
    print(f"{found.id}\n")
    flows = {(run["run_id"], run["table"]): run for run in found.runs}
    located = any(node.uri for node in found.nodes)
    rows = []
    for node in found.nodes:
        run = flows.get((node.run_id, node.table), {})
        told = [node.table, node.version, node.id, node.source, node.license, *([node.uri] if located else [])]
        rows.append((*told, run.get("flow", ""), node.run_id))
    names = ["table", "version", "id", "source", "licence", *(["uri"] if located else []), "flow", "run"]
    print_table(names, rows, numbers=["version"])
    made = [edge for edge in found.edges if edge.parent != edge.child]
    if made:
        print()
        print_table(
            ["from", "parent", "made", "child"],
            [(edge.parent_table, edge.parent, edge.child_table, edge.child) for edge in made],
        )
    if found.truncated:
        warn(f"only {len(found.nodes)} rows were followed; raise --limit")
