"""What is stale, and why. A plan is a printable value; making one starts no JVM and writes nothing."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lakehouse.declare.flow import Flow
from lakehouse.declare.params import params_json, resolve_params
from lakehouse.delta.commit_note import NotedVersion
from lakehouse.errors import ConfigError, FlowError, LakeError, MixlakeError, did_you_mean, first_line
from lakehouse.ledger.retractions import Retractions, load_retractions
from lakehouse.plan.cause import Cause, CauseKind, Fingerprints, external_write, fingerprint_changes
from lakehouse.plan.code_fingerprint import code_fingerprint
from lakehouse.plan.graph import Graph
from lakehouse.plan.selection import select_flows
from lakehouse.plan.table_state import TableStates
from lakehouse.project import Project

State = Literal["missing", "stale", "fresh"]


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """The state of one flow.

    Args:
        flow: The flow.
        state: missing, stale or fresh.
        causes: Why it is not fresh.
        inputs: Version of each input that it would read now; -1 where the table is missing.
        params: Its resolved parameters.
        fingerprints: Its fingerprints now.
        last: Version and note of the written table's last commit with a note, whichever flow made it.
        ids: Delta's identity of each input table.
        retractions: What its rows must comply with.
    """

    flow: Flow
    state: State
    causes: tuple[Cause, ...]
    inputs: Mapping[str, int]
    params: Any = field(compare=False)
    fingerprints: Fingerprints
    last: NotedVersion | None = field(compare=False, default=None)
    ids: Mapping[str, str] = field(compare=False, default_factory=dict)
    retractions: Retractions = field(compare=False, default_factory=Retractions)

    def has_cause(self, kind: CauseKind) -> bool:
        """Whether a cause of this kind is among its causes."""
        return any(cause.kind == kind for cause in self.causes)

    @property
    def writes(self) -> str:
        """Name of the written table."""
        return self.flow.writes.name

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake plan --json`` prints."""
        return {
            "flow": self.flow.id,
            "writes": self.writes,
            "state": self.state,
            "causes": [cause.as_dict() for cause in self.causes],
            "inputs": {name: version for name, version in self.inputs.items() if version >= 0},
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The selected flows in order, each with its state.

    Args:
        flows: One entry per selected flow.
        graph: The graph of all flows.
        full: Whether its flows are to process all rows again.
        warnings: Warnings, which stop nothing.
    """

    flows: tuple[FlowPlan, ...]
    graph: Graph = field(compare=False)
    full: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def stale(self) -> tuple[FlowPlan, ...]:
        """The flows that are not fresh."""
        return tuple(item for item in self.flows if item.state != "fresh")


def make_plan(
    project: Project,
    select: tuple[str, ...] = (),
    *,
    full: bool = False,
    retry: bool = False,
    applies_to: Collection[str] | None = None,
) -> Plan:
    """Compare what is declared with the commit notes of the lake's tables.

    Args:
        project: The project.
        select: Words of a selection, see `lakehouse.plan.selection`.
        full: Whether the selected flows are to process all rows again.
        retry: Whether quarantined rows are to be tried again.
        applies_to: Ids of the flows that `full` and `retry` are for, by default all selected.

    Raises:
        UsageError: If a word selects nothing.
        ConfigError: If parameters do not fit.
    """
    registry = project.registry
    _check_params_keys(project)
    graph, tables = Graph(registry), TableStates(project)
    tables.prefetch([name for spec in registry.flows.values() for name in (spec.writes.name, *registry.inputs(spec))])

    @functools.cache
    def stale() -> set[str]:
        return {item.flow.id for item in _plan_flows(graph, tables, graph.order) if item.state != "fresh"}

    selected = select_flows(graph, select, stale)
    rerun = set(selected if applies_to is None else applies_to)
    flows = _plan_flows(graph, tables, selected, full=rerun if full else set(), retry=rerun if retry else set())
    return Plan(flows, graph, full, tuple(_mixed_ancestors(tables, flows)))


def _check_params_keys(project: Project) -> None:
    known = {name for spec in project.registry.flows.values() for name in (spec.id, spec.writes.name)}
    for name in sorted(set(project.config.params) - known):
        hint = did_you_mean(name, known, n=1) or "name a flow, or the table that it writes"
        raise ConfigError(f"params name {name!r}, which is not a flow", hint)


def _plan_flows(
    graph: Graph,
    tables: TableStates,
    selected: tuple[str, ...],
    *,
    full: Collection[str] = (),
    retry: Collection[str] = (),
) -> tuple[FlowPlan, ...]:
    planned: dict[str, FlowPlan] = {}
    for name in selected:
        spec = graph.registry.flows[name]
        item = _unreadable(tables, spec) or plan_flow(tables, spec, full=name in full, retry=name in retry)
        before = [planned[p].writes for p in graph.parents[name] if p in planned and planned[p].state != "fresh"]
        if before:
            causes = (*item.causes, *(Cause("upstream", f"{table} is to be written", table) for table in before))
            state: State = "missing" if item.state == "missing" else "stale"
            item = replace(item, state=state, causes=causes)
        planned[name] = item
    return tuple(planned.values())


def _unreadable(tables: TableStates, spec: Flow) -> FlowPlan | None:
    """Return the state of a flow of whose tables one cannot be read, None where all can."""
    inputs = tables.project.registry.inputs(spec)
    problems = [(name, error) for name in (spec.writes.name, *inputs) if (error := tables.problem(name)) is not None]
    if not problems:
        return None
    causes = tuple(Cause("unreadable", str(error), name) for name, error in problems)
    params = resolve_params(spec, tables.project.config)
    now = fingerprints(tables.project, spec, params)
    return FlowPlan(spec, "stale", causes, dict.fromkeys(inputs, -1), params, now)


def plan_flow(tables: TableStates, spec: Flow, *, full: bool = False, retry: bool = False) -> FlowPlan:
    """Compare one flow with its last commit, by the tables as they are now."""
    project, orders = tables.project, tables.retractions
    params = resolve_params(spec, project.config)
    now = fingerprints(project, spec, params)
    inputs = {name: tables.version(name) for name in project.registry.inputs(spec)}
    ids = {name: tables.identity(name) for name in inputs}
    last = tables.last_note(spec.writes.name)
    if last is None:
        return FlowPlan(spec, "missing", (Cause("missing", "never written"),), inputs, params, now, None, ids, orders)
    note = last.note
    # A run that began before an order which another run has applied since has lost nothing.
    if note.retraction > orders.ordinal and note.retraction > (newest := load_retractions(project.catalog).ordinal):
        raise LakeError(
            f"ledger.retractions has lost orders: {spec.writes.name} complies with order {note.retraction}, "
            f"the newest that is known is {newest or 'none'}",
            "restore the table from a copy: without it, rows that were taken out would come back",
        )
    causes = [Cause("forced", "--full")] if full else []
    if note.flow != spec.id:
        causes.append(Cause("code", f"{note.flow} wrote it before"))
    if (written := external_write(spec.writes.name, tables.external_writes(spec.writes.name))) is not None:
        causes.append(written)
    causes.extend(fingerprint_changes(note, now))
    for name in inputs:
        read, current = note.inputs.get(name, -1), tables.data_version(name)
        if current < 0 <= read:
            # Its rows are not known to have been deleted, so that no change data records it.
            causes.append(Cause("input_replaced", f"{name} is gone", name))
        elif read >= 0 and (current < 0 or note.ids.get(name, ids[name]) != ids[name]):
            causes.append(Cause("input_replaced", f"{name} is another table than the one read before", name))
        elif current > read:
            causes.append(Cause("input", f"{name} {read if read >= 0 else 'missing'} -> {current}", name))
    causes.extend(Cause("input", f"{name} is no longer read", name) for name in note.inputs if name not in inputs)
    causes.extend(Cause("retraction", str(order)) for order in orders.pending(spec.writes, *last))
    if retry and note.has_quarantined:
        causes.append(Cause("quarantine_retry", "rows are quarantined"))
    return FlowPlan(spec, "stale" if causes else "fresh", tuple(causes), inputs, params, now, last, ids, orders)


def fingerprints(project: Project, spec: Flow, params: Any) -> Fingerprints:
    """Return the flow's fingerprints now.

    Raises:
        FlowError: If a function that the flow declares for its models or its sources fails.
    """
    code = code_fingerprint(spec, project.registry.roots)
    with _user_code(spec, "models"):
        models = dict(spec.models(params)) if spec.models else {}
    with _user_code(spec, "external"):
        external = spec.external(params) if spec.external else ""
    return Fingerprints(
        code=code.digest,
        code_parts=code.parts,
        params=params_json(spec, params),
        contract=spec.writes.fingerprint(),
        contract_parts=spec.writes.parts(),
        models=models,
        external=external,
    )


@contextmanager
def _user_code(spec: Flow, name: str) -> Iterator[None]:
    """Raise what a function of the user's raises as an error that names the flow."""
    try:
        yield
    except MixlakeError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise FlowError(
            f"{spec.id}: {name} failed: {reason} ({spec.place})", "MIXLAKE_DEBUG=1 shows the whole error"
        ) from error


def _mixed_ancestors(tables: TableStates, flows: tuple[FlowPlan, ...]) -> list[str]:
    """Warn where a flow's inputs were made from different versions of one ancestor."""
    warnings = []
    for item in flows:
        if item.state != "fresh":
            continue
        read: dict[str, dict[int, str]] = {}
        for name in item.inputs:
            last = tables.last_note(name)
            for ancestor, version in (last.note.inputs if last else {}).items():
                read.setdefault(ancestor, {})[version] = name
        for ancestor, versions in read.items():
            if tables.problem(ancestor) is not None:
                continue
            data = {min(version, tables.data_version(ancestor)) for version in versions}
            if len(data) > 1:
                names = " and ".join(sorted(versions.values()))
                warnings.append(f"{item.flow.id}: {names} were made from different versions of {ancestor}")
    return warnings
