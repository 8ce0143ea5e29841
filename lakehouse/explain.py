"""One flow whole: what it is, reads and writes, what it depends on, why it is stale, and how it would run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.catalog import totals, unknown_table
from lakehouse.errors import TableNotFoundError, UsageError
from lakehouse.fingerprint import DECLARATION, params_json
from lakehouse.graph import Graph
from lakehouse.history import commit_time
from lakehouse.plan import FlowPlan, Snapshots, make_plan
from lakehouse.refresh import refresh_of

if TYPE_CHECKING:
    from lakehouse.lake import Lake

DEFAULT, FILE, GIVEN = "default", "mixlake.yaml", "--param"


def explain(lake: Lake, name: str, params: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Tell all that is known about one flow; no JVM is started for it.

    Args:
        lake: The lake.
        name: The flow's id, the table that it writes, or a pattern that one flow matches.
        params: Parameters given beside the configuration's, by flow or table.

    Returns:
        flow, kind, place, doc, tags; ``reads``, ``writes``, ``params``, ``code``, ``models``; state, causes and
        ``next`` (mode, because, changes); ``last`` (None where it never ran); upstream and downstream tables.

    Raises:
        UsageError: If no flow or more than one is meant.
        TableNotFoundError: If the table is declared, but no flow writes it.
    """
    lake = type(lake)(config=lake.config.with_params(params)) if params else lake
    graph = Graph(lake.registry)
    flow = _meant(lake, graph, name)
    # Its state depends on those before it: what they are about to write is not there yet.
    plan = make_plan(lake, (f"+{flow}",))
    item = next(item for item in plan.flows if item.flow.id == flow)
    spec, seen = item.flow, Snapshots(lake)
    refresh = refresh_of(lake, item)
    return {
        "flow": spec.id,
        "kind": spec.kind,
        "place": spec.place,
        "doc": spec.doc,
        "tags": list(spec.tags),
        "refresh": spec.refresh if spec.kind == "frame" else "",
        "rows": spec.rows if spec.kind == "operator" else "",
        "reads": _reads(lake, item, seen),
        "writes": _writes(lake, item, seen),
        "params": _params(lake, item, params or {}),
        "code": {
            "digest": item.fingerprints.code,
            "reaches": {
                module: sorted(names) for module, names in item.fingerprints.code_parts.items() if module != DECLARATION
            },
        },
        "models": dict(item.fingerprints.models),
        "state": item.state,
        "causes": [{"kind": cause.kind, "detail": cause.detail} for cause in item.causes],
        "next": {
            "mode": refresh.mode,
            "because": refresh.because,
            "changes": {table: list(span) for table, span in refresh.changes.items()},
        },
        "last": _last(lake, item),
        "upstream": _tables(lake, graph.upstream([flow]) - {flow}),
        "downstream": _tables(lake, graph.downstream([flow]) - {flow}),
        "readers": _tables(lake, set(graph.children[flow])),
    }


def _meant(lake: Lake, graph: Graph, name: str) -> str:
    if name in lake.registry.tables and name not in lake.registry.writers:
        readers = [spec.writes.name for spec in lake.registry.flows.values() if name in graph.inputs(spec)]
        told = f"it is read for {', '.join(sorted(readers))}" if readers else "nothing reads it"
        raise TableNotFoundError(f"no flow writes {name}", f"{told}; see mixlake contract {name}")
    if "." in name and not any(c in name for c in "*?[+~,") and not _is_flow(lake, name):
        known = {word for spec in lake.registry.flows.values() for word in (spec.id, spec.writes.name)}
        raise unknown_table(name, known, "see mixlake plan --all for all flows")
    found = graph.select((name,))
    if len(found) != 1:
        tables = ", ".join(lake.registry.flows[flow].writes.name for flow in found[:5])
        raise UsageError(f"{name!r} means {len(found)} flows: {tables}{', …' if len(found) > 5 else ''}", "name one")
    return found[0]


def _is_flow(lake: Lake, name: str) -> bool:
    return name in lake.registry.flows or name in lake.registry.writers


def _tables(lake: Lake, flows: set[str]) -> list[str]:
    return sorted(lake.registry.flows[flow].writes.name for flow in flows)


def _reads(lake: Lake, item: FlowPlan, seen: Snapshots) -> list[dict[str, Any]]:
    found = []
    note = item.last[1] if item.last else None
    for name, read in item.flow.reads.items():
        for table in lake.registry.sources(read):
            writer = lake.registry.writers.get(table.name)
            found.append(
                {
                    "as": name,
                    "table": table.name,
                    "tag": read.tag,
                    "driving": item.flow.incremental and name == item.flow.driving,
                    "columns": list(read.names),
                    "where": read.where,
                    "writer": writer.id if writer else "",
                    "read": note.inputs.get(table.name) if note else None,
                    "now": seen.version(table.name) if seen.version(table.name) >= 0 else None,
                    "changed": seen.data_version(table.name) if seen.version(table.name) >= 0 else None,
                }
            )
    return found


def _writes(lake: Lake, item: FlowPlan, seen: Snapshots) -> dict[str, Any]:
    table = item.flow.writes
    version = seen.version(table.name)
    rows = item.last[1].counts.get("rows") if item.last else None
    if rows is None and version >= 0:
        rows = totals(lake.open(table.name))[0]
    return {
        "table": table.name,
        "doc": table.doc,
        "version": version if version >= 0 else None,
        "rows": rows,
        "key": list(table.key),
        "cluster_by": list(table.cluster_by),
        "columns": {column.name: str(column.type) for column in table.columns},
        "required": [name for name in table.required if name != "run_id"],
        "checks": [dataclasses.asdict(check) for check in table.checks],
    }


def _params(lake: Lake, item: FlowPlan, given: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each parameter with its value, and where that comes from."""
    values = json.loads(params_json(item.flow, item.params))
    names = (item.flow.writes.name, item.flow.id)
    told = {key for name in names for key in lake.config.params.get(name, {})}
    now = {key for name in names for key in given.get(name, {})}
    return [
        {
            "name": field.name,
            # Of files, the values that count hold digests.
            "value": _files(getattr(item.params, field.name)) if field.metadata.get("file") else values[field.name],
            "from": GIVEN if field.name in now else FILE if field.name in told else DEFAULT,
        }
        for field in dataclasses.fields(item.params)
    ]


def _files(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str) and value else [str(name) for name in value or ()]


def _last(lake: Lake, item: FlowPlan) -> dict[str, Any] | None:
    if item.last is None:
        return None
    version, note = item.last
    made = next(commit for commit in lake.log(item.writes).commits() if commit.version == version)
    return {
        "version": version,
        "run_id": note.run_id,
        "flow": note.flow,
        "at": commit_time(dict(made.info)).isoformat(timespec="seconds"),
        "seconds": note.seconds,
        "mode": note.mode,
        "changed": note.changed,
        "counts": dict(note.counts),
        "quarantined": dict(note.reasons),
        "inputs": dict(note.inputs),
    }
