"""``mixlake explain``."""

from __future__ import annotations

from typing import Any

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import cell, print_json, print_table
from lakehouse.cli.selection import RunOptions, run_options

_WIDE = 120


@click.command(name="explain")
@click.argument("name", metavar="FLOW|TABLE")
@run_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as one object.")
@click.pass_obj
def command(context: Context, name: str, *, options: RunOptions, as_json: bool) -> None:
    r"""Explain one flow: what it reads and writes, its parameters and code, why it is stale, and its next run.

    With the options of mixlake run, how a run with them would go.

    \b
    Examples:
      mixlake explain silver.documents
      mixlake explain silver.documents --full
      mixlake explain gold.samples --param gold.samples.policy=strict.yaml --json
    """
    from lakehouse.plan.explain import explain

    flow = explain(context.project, name, options.params, full=options.full, retry=options.retry)
    if as_json:
        print_json(flow)
        return
    _print_summary(flow)
    _print_inputs(flow)
    _print_output(flow)
    _print_params_and_code(flow)
    _print_state(flow)


def _print_summary(flow: dict[str, Any]) -> None:
    print(f"{flow['writes']['table']} is written by {flow['flow']}: {flow['state']}")
    if flow["doc"]:
        print(f"  {flow['doc']}")
    words = [
        f"{'an' if flow['kind'] == 'operator' else 'a'} {'SQL' if flow['kind'] == 'sql' else flow['kind']} flow",
    ]
    words += [f"refreshed by {flow['refresh']}"] if flow["refresh"] else []
    words += ["one row for each"] if flow["rows"] == "one-to-one" else []
    words += [f"tagged {', '.join(flow['tags'])}"] if flow["tags"] else []
    print(f"  {', '.join(words)}, in {flow['place']}")


def _print_inputs(flow: dict[str, Any]) -> None:
    if not flow["reads"]:
        print("\nreads nothing in the lake")
        return
    print("\nreads")
    rows = []
    for read in flow["reads"]:
        then = "never" if read["read"] is None else f"at {read['read']}"
        now = "missing" if read["now"] is None else f"{read['now']}, rows changed at {read['changed']}"
        what = [", ".join(read["columns"]) or "all columns", f"where {read['where']}" if read["where"] else ""]
        name = f"  {read['as']}{' (drives)' if read['driving'] else ''}"
        rows.append((name, read["table"], then, now, "; ".join(filter(None, what))))
    print_table(["  as", "table", "read", "version now", "what"], rows, width=_WIDE)


def _print_output(flow: dict[str, Any]) -> None:
    writes = flow["writes"]
    state = "never written" if writes["version"] is None else f"version {writes['version']}, {writes['rows']:,} rows"
    print(f"\nwrites {writes['table']}, {state}\n  {writes['doc']}")
    print(f"  columns: {', '.join(writes['columns'])}")
    print(f"  key: {', '.join(writes['key']) or 'none, replaced as a whole'}")
    if writes["cluster_by"]:
        print(f"  sorted by: {', '.join(writes['cluster_by'])}")
    if writes["required"]:
        print(f"  never null: {', '.join(writes['required'])}")
    for check in writes["checks"]:
        tolerance = "the flow's" if check["tolerance"] is None else f"{check['tolerance']:g}"
        print(f"  check: {check['name']}: {check['sql']} (else {check['on_fail']}, tolerance {tolerance})")
    if flow["readers"]:
        print(f"  read for: {', '.join(flow['readers'])}")


def _print_params_and_code(flow: dict[str, Any]) -> None:
    if flow["params"]:
        print("\nparameters")
        rows = [(f"  {item['name']}", item["value"], item["from"]) for item in flow["params"]]
        print_table(["  name", "value", "from"], rows, width=_WIDE)
    print(f"\ncode {flow['code']['digest'][:8]}")
    for module, names in flow["code"]["definitions"].items():
        print(f"  {module}{'' if names == ['*'] else ': ' + ', '.join(names)}")
    for name, digest in flow["models"].items():
        print(f"  model {name} {digest[:8]}")


def _print_state(flow: dict[str, Any]) -> None:
    print(f"\nstate: {flow['state']}")
    for cause in flow["causes"]:
        print(f"  {cause['kind']}: {cause['detail']}")
    coming = flow["next"]
    if coming["mode"] == "incremental":
        ranges = ", ".join(f"{table} {_version_range(*ends)}" for table, ends in coming["changes"].items())
        print(f"next run: over changes alone: {ranges or 'those that the flows before it are to write'}")
    elif coming["mode"] == "full":
        print(f"next run: over all rows, since {coming['reason']}")
    else:
        print("next run: nothing to do")
    if coming["mode"] != "none":
        print(f"engine: {coming['engine']}, since {coming['engine_reason']}")
    last = flow["last"]
    if last is None:
        return
    counts = last["counts"]
    changes = ", ".join(f"{counts[name]:,} {name}" for name in ("inserted", "updated", "deleted") if counts.get(name))
    seconds = "" if last["seconds"] is None else f" in {last['seconds']:.1f} s"
    print(f"last run: {last['at']}, run {last['run_id']}, version {last['version']}, {last['mode']}{seconds}")
    read = f"read {counts['read']:,} rows; " if counts.get("read") else ""
    print(f"  {read}{changes or 'nothing changed'}, {counts.get('rows', 0):,} rows after")
    for reason, count in last["quarantined"].items():
        print(f"  quarantined {count:,}: {cell(reason, _WIDE)}")


def _version_range(first: int, last: int) -> str:
    return f"version {first}" if first == last else f"versions {first} to {last}"
