"""What tables would hold under other parameters: flows run into a folder of their own, and the lake stays as it is."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lakehouse.declare.params import params_json, resolve_params
from lakehouse.delta.overlay import OverlayCatalog
from lakehouse.embedded.engine import EmbeddedEngine
from lakehouse.errors import FlowError, TableNotFoundError, UsageError, did_you_mean
from lakehouse.execute.execute_flow import execute_flow
from lakehouse.plan.engine_choice import spark_reason
from lakehouse.plan.graph import Graph
from lakehouse.plan.plan import plan_flow
from lakehouse.plan.table_state import TableStates
from lakehouse.project import Project


@dataclass(frozen=True, slots=True)
class Preview:
    """Tables as they would be.

    Args:
        project: A project whose tables are those that were computed and, for the rest, the lake's.
        tables: Those that were computed, in the order of their flows.
        warnings: Differences to the lake that the parameters are not the cause of.
    """

    project: Project
    tables: tuple[str, ...]
    warnings: tuple[str, ...]


@contextmanager
def preview(
    project: Project, params: Mapping[str, Mapping[str, Any]], tables: tuple[str, ...], *, thorough: bool = False
) -> Iterator[Preview]:
    """Compute tables under other parameters, in this process; nothing is committed to the lake.

    The flows that are named run, and those between them and the wanted tables, over all rows.

    Args:
        project: The project.
        params: Flow id or written table to parameter overrides.
        tables: The wanted tables.
        thorough: Whether flows run, too, whose parameters follow those of the named ones.

    Raises:
        UsageError: If no wanted table depends on the parameters.
        FlowError: If one of the flows needs Spark.
        TableNotFoundError: If an input was never written.
        MixlakeError: If a flow fails.
    """
    other = project.with_params(params)
    graph = Graph(project.registry)
    changed = _changed(graph, params) | (_following(project, other) if thorough else set())
    flows = _flows(graph, changed, tables)
    with tempfile.TemporaryDirectory(prefix="mixlake-preview-") as folder:
        names = tuple(graph.registry.flows[name].writes.name for name in flows)
        overlay = OverlayCatalog(
            str(Path(folder).resolve()), project.catalog.storage_options, base=project.catalog, own=frozenset(names)
        )
        tried = replace(other, overlay=overlay)
        warnings = _other_causes(project, flows)
        _run(tried, flows)
        yield Preview(tried, names, warnings)


def _changed(graph: Graph, params: Mapping[str, Any]) -> set[str]:
    registry = graph.registry
    ids = {**{name: name for name in registry.flows}, **{table: spec.id for table, spec in registry.writers.items()}}
    for name in params:
        if name not in ids:
            raise UsageError(f"{name!r} is not a flow", did_you_mean(name, ids, n=1) or "name the table that it writes")
    return {ids[name] for name in params}


def _following(project: Project, other: Project) -> set[str]:
    """Return the flows whose parameters differ, named or not."""
    return {
        spec.id
        for spec in project.registry.flows.values()
        if params_json(spec, resolve_params(spec, project.config))
        != params_json(spec, resolve_params(spec, other.config))
    }


def _flows(graph: Graph, changed: set[str], tables: tuple[str, ...]) -> tuple[str, ...]:
    wanted = graph.upstream(graph.registry.writers[table].id for table in tables)
    chosen = graph.downstream(changed & wanted) & wanted
    if not chosen:
        raise UsageError(f"{', '.join(tables)} does not depend on {', '.join(sorted(changed))}", "see mixlake graph")
    return tuple(name for name in graph.order if name in chosen)


def _other_causes(project: Project, flows: tuple[str, ...]) -> tuple[str, ...]:
    """Say which tables are not up to date in the lake itself, so that more than the parameters changes them."""
    states, warnings = TableStates(project), []
    for name in flows:
        item = plan_flow(states, project.registry.flows[name])
        if item.state == "missing":
            warnings.append(f"{item.writes} was never written")
        elif item.state == "stale":
            causes = "; ".join(str(cause.detail) for cause in item.causes)
            warnings.append(f"{item.writes} is not up to date without the change, either: {causes}")
    return tuple(warnings)


def _run(project: Project, flows: tuple[str, ...]) -> None:
    states, run_id = TableStates(project), f"preview-{uuid.uuid4().hex[:8]}"
    for name in flows:
        spec = project.registry.flows[name]
        if needs := spark_reason(project, spec):
            raise FlowError(f"{spec.id} cannot be tried in this process: {needs}", "run it into a copy of the lake")
        item = plan_flow(states, spec)
        for table, version in item.inputs.items():
            if version < 0 and table in project.registry.writers:
                raise TableNotFoundError(
                    f"{spec.id} reads {table}, which was never written",
                    f"run it first: mixlake run +{spec.writes.name}",
                )
        execute_flow(EmbeddedEngine(project, "a preview"), project, item, run_id)
        states.invalidate(spec.writes.name)
