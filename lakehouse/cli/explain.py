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
@click.option("--json", "as_json", is_flag=True, help="Print all of it as one object.")
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

    project = options.of(context.project)
    found = explain(project, name, options.params, full=options.full, retry=options.retry)
    if as_json:
        print_json(found)
        return
    _head(found)
    _inputs(found)
    _output(found)
    _makings(found)
    _standing(found)


def _head(found: dict[str, Any]) -> None:
    print(f"{found['writes']['table']} is written by {found['flow']}: {found['state']}")
    if found["doc"]:
        print(f"  {found['doc']}")
    words = [{"operator": "an operator", "frame": "a frame", "sql": "a SQL"}[found["kind"]] + " flow"]
    words += [f"refreshed by {found['refresh']}"] if found["refresh"] else []
    words += ["one row for each"] if found["rows"] == "one-to-one" else []
    words += [f"tagged {', '.join(found['tags'])}"] if found["tags"] else []
    print(f"  {', '.join(words)}, in {found['place']}")


def _inputs(found: dict[str, Any]) -> None:
    if not found["reads"]:
        print("\nreads nothing in the lake")
        return
    print("\nreads")
    rows = []
    for read in found["reads"]:
        then = "never" if read["read"] is None else f"at {read['read']}"
        now = "missing" if read["now"] is None else f"{read['now']}, rows changed at {read['changed']}"
        what = [", ".join(read["columns"]) or "all columns", f"where {read['where']}" if read["where"] else ""]
        name = f"  {read['as']}{' (drives)' if read['driving'] else ''}"
        rows.append((name, read["table"], then, now, "; ".join(filter(None, what))))
    print_table(["  as", "table", "read", "version now", "what"], rows, width=_WIDE)


def _output(found: dict[str, Any]) -> None:
    writes = found["writes"]
    held = "never written" if writes["version"] is None else f"version {writes['version']}, {writes['rows']:,} rows"
    print(f"\nwrites {writes['table']}, {held}\n  {writes['doc']}")
    print(f"  columns: {', '.join(writes['columns'])}")
    print(f"  key: {', '.join(writes['key']) or 'none, replaced as a whole'}")
    if writes["cluster_by"]:
        print(f"  sorted by: {', '.join(writes['cluster_by'])}")
    if writes["required"]:
        print(f"  never null: {', '.join(writes['required'])}")
    for check in writes["checks"]:
        print(f"  check: {check['name']}: {check['sql']} (else {check['on_fail']}, tolerance {check['tolerance']:g})")
    if found["readers"]:
        print(f"  read for: {', '.join(found['readers'])}")


def _makings(found: dict[str, Any]) -> None:
    if found["params"]:
        print("\nparameters")
        rows = [(f"  {item['name']}", item["value"], item["from"]) for item in found["params"]]
        print_table(["  name", "value", "from"], rows, width=_WIDE)
    print(f"\ncode {found['code']['digest'][:8]}")
    for module, names in found["code"]["reaches"].items():
        print(f"  {module}{'' if names == ['*'] else ': ' + ', '.join(names)}")
    for name, digest in found["models"].items():
        print(f"  model {name} {digest[:8]}")


def _standing(found: dict[str, Any]) -> None:
    print(f"\nstate: {found['state']}")
    for cause in found["causes"]:
        print(f"  {cause['kind']}: {cause['detail']}")
    coming = found["next"]
    if coming["mode"] == "incremental":
        spans = ", ".join(f"{table} {_span(*span)}" for table, span in coming["changes"].items())
        print(f"next run: over changes alone: {spans or 'those that the flows before it are to write'}")
    elif coming["mode"] == "full":
        print(f"next run: over all rows, since {coming['because']}")
    else:
        print("next run: nothing to do")
    last = found["last"]
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


def _span(first: int, last: int) -> str:
    return f"version {first}" if first == last else f"versions {first} to {last}"
