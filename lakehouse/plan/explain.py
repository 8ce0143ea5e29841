"""Explain one flow: what it is, reads and writes, what it depends on, why it is stale, and how it would run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from lakehouse.declare.column_types import type_text
from lakehouse.declare.params import params_json
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import totals
from lakehouse.delta.history import commit_time
from lakehouse.engine.rules import never_null
from lakehouse.errors import TableNotFoundError, UsageError, unknown_table
from lakehouse.plan.code_fingerprint import DECLARATION
from lakehouse.plan.engine_choice import choose_engine
from lakehouse.plan.graph import Graph
from lakehouse.plan.plan import FlowPlan, make_plan
from lakehouse.plan.refresh import refresh_of
from lakehouse.plan.selection import select_flows
from lakehouse.plan.table_state import TableStates
from lakehouse.project import Project

DEFAULT, FILE, OPTION = "default", "mixlake.yaml", "--param"


def explain(
    project: Project,
    name: str,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    full: bool = False,
    retry: bool = False,
) -> dict[str, Any]:
    """Return all that is known about one flow; no JVM is started for it.

    Args:
        project: The project.
        name: The flow's id, the table that it writes, or a pattern that one flow matches.
        params: Parameters in addition to the configuration's, by flow or table.
        full: Whether it is to process all rows again.
        retry: Whether rows that it quarantined are to be tried again.

    Returns:
        flow, kind, place, doc, tags; ``reads``, ``writes``, ``params``, ``code``, ``models``; state, causes and
        ``next`` (mode, reason, changes); ``last`` (None where it never ran); upstream and downstream tables.

    Raises:
        UsageError: If no flow or more than one is meant.
        TableNotFoundError: If the table is declared, but no flow writes it.
    """
    project = project.with_params(params or {})
    graph = Graph(project.registry)
    flow = _find_flow(project, graph, name)
    # Its state depends on those before it: what they are about to write does not exist yet.
    plan = make_plan(project, (f"+{flow}",), full=full, retry=retry, applies_to={flow})
    item = next(item for item in plan.flows if item.flow.id == flow)
    spec, tables = item.flow, TableStates(project)
    refresh = refresh_of(project, item)
    return {
        "flow": spec.id,
        "kind": spec.kind,
        "place": spec.place,
        "doc": spec.doc,
        "tags": list(spec.tags),
        "refresh": spec.refresh if spec.kind in {"relational", "frame"} else "",
        "rows": spec.rows if spec.kind == "operator" else "",
        "reads": _reads(project, item, tables),
        "writes": _writes(project.catalog, item, tables),
        "params": _params(project, item, params or {}),
        "code": {
            "digest": item.fingerprints.code,
            "definitions": {
                module: sorted(names) for module, names in item.fingerprints.code_parts.items() if module != DECLARATION
            },
        },
        "models": dict(item.fingerprints.models),
        "state": item.state,
        "causes": [cause.as_dict() for cause in item.causes],
        "next": {
            "mode": refresh.mode,
            **choose_engine(project, item).as_dict(),
            "reason": refresh.reason,
            "changes": {table: list(version_range) for table, version_range in refresh.changes.items()},
        },
        "last": _last(project.catalog, item),
        "upstream": _tables(project, graph.upstream([flow]) - {flow}),
        "downstream": _tables(project, graph.downstream([flow]) - {flow}),
        "readers": _tables(project, set(graph.children[flow])),
    }


def _find_flow(project: Project, graph: Graph, name: str) -> str:
    """Return the id of the one flow that a name or pattern means."""
    if name in project.registry.tables and name not in project.registry.writers:
        registry = project.registry
        readers = [spec.writes.name for spec in registry.flows.values() if name in registry.inputs(spec)]
        hint = f"it is read for {', '.join(sorted(readers))}" if readers else "nothing reads it"
        raise TableNotFoundError(f"no flow writes {name}", f"{hint}; see mixlake contract {name}")
    if "." in name and not any(c in name for c in "*?[+~,") and not _is_flow(project, name):
        known = {word for spec in project.registry.flows.values() for word in (spec.id, spec.writes.name)}
        raise unknown_table(name, known, "see mixlake plan --all for all flows")
    flows = select_flows(graph, (name,))
    if len(flows) != 1:
        tables = ", ".join(project.registry.flows[flow].writes.name for flow in flows[:5])
        raise UsageError(f"{name!r} means {len(flows)} flows: {tables}{', …' if len(flows) > 5 else ''}", "name one")
    return flows[0]


def _is_flow(project: Project, name: str) -> bool:
    return name in project.registry.flows or name in project.registry.writers


def _tables(project: Project, flows: set[str]) -> list[str]:
    return sorted(project.registry.flows[flow].writes.name for flow in flows)


def _reads(project: Project, item: FlowPlan, tables: TableStates) -> list[dict[str, Any]]:
    reads = []
    note = item.last.note if item.last else None
    for name, read in item.flow.reads.items():
        for table in project.registry.sources(read):
            writer = project.registry.writers.get(table.name)
            reads.append(
                {
                    "as": name,
                    "table": table.name,
                    "tag": read.tag,
                    "driving": item.flow.incremental and name == item.flow.driving,
                    "columns": list(read.names),
                    "where": read.where,
                    "writer": writer.id if writer else "",
                    "read": note.inputs.get(table.name) if note else None,
                    "now": tables.version(table.name) if tables.version(table.name) >= 0 else None,
                    "changed": tables.data_version(table.name) if tables.version(table.name) >= 0 else None,
                }
            )
    return reads


def _writes(catalog: Catalog, item: FlowPlan, tables: TableStates) -> dict[str, Any]:
    table = item.flow.writes
    version = tables.version(table.name)
    rows = item.last.note.counts.get("rows") if item.last else None
    if rows is None and version >= 0:
        rows = totals(catalog.open(table.name))[0]
    return {
        "table": table.name,
        "doc": table.doc,
        "version": version if version >= 0 else None,
        "rows": rows,
        "key": list(table.key),
        "cluster_by": list(table.cluster_by),
        "columns": {column.name: type_text(column.type) for column in table.columns},
        "required": [field.path for field in never_null(table)],
        "checks": [dataclasses.asdict(check) for check in table.checks],
    }


def _params(project: Project, item: FlowPlan, options: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each parameter with its value, and where that comes from."""
    values = json.loads(params_json(item.flow, item.params))
    names = (item.flow.writes.name, item.flow.id)
    configured = {key for name in names for key in project.config.params.get(name, {})}
    from_options = {key for name in names for key in options.get(name, {})}
    return [
        {
            "name": field.name,
            # For files, the canonical values contain digests.
            "value": _files(getattr(item.params, field.name)) if field.metadata.get("file") else values[field.name],
            "from": OPTION if field.name in from_options else FILE if field.name in configured else DEFAULT,
        }
        for field in dataclasses.fields(item.params)
    ]


def _files(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str) and value else [str(name) for name in value or ()]


def _last(catalog: Catalog, item: FlowPlan) -> dict[str, Any] | None:
    if item.last is None:
        return None
    version, note = item.last
    commit_made = next(commit for commit in catalog.log(item.writes).commits() if commit.version == version)
    return {
        "version": version,
        "run_id": note.run_id,
        "flow": note.flow,
        "at": commit_time(dict(commit_made.info)).isoformat(timespec="seconds"),
        "seconds": note.seconds,
        "mode": note.mode,
        "changed": note.changed,
        "counts": dict(note.counts),
        "quarantined": dict(note.reasons),
        "inputs": dict(note.inputs),
    }
