"""Make a run's events, as values of OpenLineage's own classes."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.history import commit_at, commit_time
from lakehouse.errors import CheckFailedError, FlowError
from lakehouse.plan.engine_choice import choose_engine
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project
from lakehouse.run.openlineage import facets
from lakehouse.run.openlineage.assertions import assertions
from lakehouse.run.openlineage.client import LazyModule
from lakehouse.run.openlineage.column_lineage import Lineage, declared
from lakehouse.run.openlineage.dataset_names import Name, dataset
from lakehouse.run.openlineage.facets import PRODUCER, Facets
from lakehouse.run.openlineage.guard import Deadline, Guard
from lakehouse.run.openlineage.run_ids import run_uuid
from lakehouse.run.openlineage.sql_column_lineage import of_sql
from lakehouse.run.report import FlowResult

if TYPE_CHECKING:
    from openlineage.client import event_v2 as ol
else:
    ol = LazyModule("openlineage.client.event_v2")

log = logging.getLogger("mixlake.openlineage")

RUN_JOB = "mixlake.run"
State = Literal["START", "COMPLETE", "FAIL", "ABORT"]
# What makes facets, by a few words for the warning where it raises.
Makers = dict[str, Callable[[], Facets]]

# Seconds that a run's events wait for column lineage, in all: the parser can take minutes for one query.
_LINEAGE_SECONDS = 5.0


class Events:
    """Make the events of one run.

    Args:
        project: The project.
        run_id: The run.
        namespace: OpenLineage namespace of the jobs.
    """

    def __init__(self, project: Project, run_id: str, namespace: str) -> None:
        self.project = project
        self.run_id = run_id
        self.namespace = namespace
        self._started: dict[str, datetime] = {}
        self._guard = Guard()
        self._patience = Deadline(_LINEAGE_SECONDS)
        self._parent = _parent("OPENLINEAGE_PARENT_ID")
        self._root = _parent("OPENLINEAGE_ROOT_PARENT_ID") or self._parent

    def run(self, state: State, at: datetime) -> ol.RunEvent:
        """Return an event of the run itself, the parent of its flows' runs."""
        above = self._parent
        makers: Makers = {
            "its engine": lambda: {"processing_engine": facets.engine(self.project.config.engine, _spark_version())},
            "its parent": lambda: {"parent": facets.parent(above, self._root)} if above is not None else {},
        }
        run = ol.Run(run_uuid(self.run_id), self._guard.facets(RUN_JOB, makers))
        kind = self._guard.facets(RUN_JOB, {"its type": lambda: {"jobType": facets.job_type("DAG")}})
        return _event(state, at, run, ol.Job(self.namespace, RUN_JOB, kind))

    def began(self, item: FlowPlan, at: datetime, *, pinned: bool = True) -> ol.RunEvent:
        """Return the START of a flow.

        Args:
            item: The flow as planned.
            at: When.
            pinned: Whether its input versions are those that are read; else they are left out.
        """
        self._started[item.flow.id] = at
        flow = item.flow
        source: Makers = {
            "the source code": lambda: facets.code(flow),
            "the repository": lambda: facets.repository(flow),
        }
        inputs = self._inputs(item, {name: v if pinned else None for name, v in item.inputs.items() if v >= 0})
        return _event("START", at, self._run(item), self._job(item, source), inputs=inputs, outputs=self._output(item))

    def ended(self, item: FlowPlan, result: FlowResult, at: datetime) -> ol.RunEvent:
        """Return the COMPLETE of a flow that committed, the FAIL of one that failed, else an ABORT."""
        if result.status == "done" and result.note is not None:
            return self._completed(item, result.version, result.note, at)
        error = result.error
        failed: Makers = {"the error": lambda: {"errorMessage": facets.error(error)}} if error is not None else {}
        written: Makers = {}
        if isinstance(error, CheckFailedError) and (reasons := error.reasons):
            rows = error.rows
            written = {"the checks": lambda: self._assertions(item, reasons, rows, unique=False)}
        inputs = self._inputs(item, {name: version for name, version in item.inputs.items() if version >= 0})
        state: State = "FAIL" if result.status == "failed" else "ABORT"
        outputs = self._output(item, written)
        return _event(state, at, self._run(item, None, failed), self._job(item), inputs=inputs, outputs=outputs)

    def aborted(self, item: FlowPlan, at: datetime) -> ol.RunEvent:
        """Return the ABORT of a flow that was running when its run was stopped."""
        return _event("ABORT", at, self._run(item), self._job(item))

    def _completed(self, item: FlowPlan, version: int, note: CommitNote, at: datetime) -> ol.RunEvent:
        commit = self._commit(item.flow.writes.name, version)
        returned = note.counts.get("returned")
        written: Makers = {
            "the version": lambda: {"version": facets.version(version)},
            "the checks": lambda: self._assertions(item, note.reasons, returned, unique=True),
            "column lineage": lambda: self._lineage(item),
            "the table's change": lambda: self._change(item, commit),
        }
        counted: Makers = {"counts": lambda: {"outputStatistics": facets.statistics(commit)} if commit else {}}
        outputs = self._output(item, written, counted)
        inputs = self._inputs(item, note.inputs)
        return _event("COMPLETE", at, self._run(item, note), self._job(item), inputs=inputs, outputs=outputs)

    def _run(self, item: FlowPlan, note: CommitNote | None = None, more: Makers | None = None) -> ol.Run:
        own = facets.Parent(self.namespace, RUN_JOB, run_uuid(self.run_id))
        makers: Makers = {
            "its parent": lambda: {"parent": facets.parent(own, self._root)},
            "its engine": lambda: {"processing_engine": facets.engine(self._engine(item, note), _spark_version())},
            "the commit note": lambda: {"mixlake_commit": facets.commit(item, self.run_id, note)},
            **(more or {}),
        }
        return ol.Run(run_uuid(self.run_id, item.flow.id), self._guard.facets(item.flow.id, makers))

    def _engine(self, item: FlowPlan, note: CommitNote | None) -> str:
        """Return the engine that ran a flow, or that is to run it."""
        if note is not None and note.engine:
            return note.engine
        try:
            return choose_engine(self.project, item).engine
        except FlowError:  # the embedded engine was chosen, and cannot run it
            return "embedded"

    def _job(self, item: FlowPlan, more: Makers | None = None) -> ol.Job:
        makers: Makers = {
            "its type": lambda: {"jobType": facets.job_type("TASK")},
            "its documentation": lambda: facets.documentation(item.flow.doc),
            **(more or {}),
        }
        return ol.Job(self.namespace, item.flow.id, self._guard.facets(item.flow.id, makers))

    def _inputs(self, item: FlowPlan, versions: Mapping[str, int | None]) -> list[ol.InputDataset]:
        def dataset_of(table: str, version: int | None) -> ol.InputDataset:
            name = self._name(table)
            contract = self.project.registry.tables.get(table)
            makers: Makers = {
                f"the place of {table}": lambda: facets.place(name, self.project.catalog.uri, table),
                f"the columns of {table}": lambda: facets.contract(contract) if contract is not None else {},
                f"the version of {table}": lambda: {"version": facets.version(version)} if version is not None else {},
            }
            return ol.InputDataset(*name, facets=self._guard.facets(item.flow.id, makers))

        made = (
            self._guard.attempt(item.flow.id, table, partial(dataset_of, table, at), None)
            for table, at in versions.items()
        )
        return [one for one in made if one is not None]

    def _output(
        self, item: FlowPlan, written: Makers | None = None, counted: Makers | None = None
    ) -> list[ol.OutputDataset]:
        flow, table = item.flow.id, item.flow.writes

        def made() -> list[ol.OutputDataset]:
            name = self._name(table.name)
            makers: Makers = {
                "the place of its table": lambda: facets.place(name, self.project.catalog.uri, table.name),
                "the columns of its table": lambda: facets.contract(table),
                **(written or {}),
            }
            given, counts = self._guard.facets(flow, makers), self._guard.facets(flow, counted or {})
            return [ol.OutputDataset(*name, facets=given, outputFacets=counts)]

        return self._guard.attempt(flow, table.name, made, [])

    def _name(self, table: str) -> Name:
        return dataset(self.project.catalog.table_uri(table))

    def _assertions(self, item: FlowPlan, reasons: Mapping[str, int], rows: int | None, *, unique: bool) -> Facets:
        listed = list(assertions(item.flow.writes, reasons, rows, item.flow.reject_tolerance, unique=unique))
        return {"dataQualityAssertions": facets.assertions(listed)} if listed else {}

    def _lineage(self, item: FlowPlan) -> Facets:
        if item.flow.kind == "sql":
            lineage = self._patience.call(lambda: of_sql(item.flow, self.project.registry.tables))
        else:
            driving = item.flow.reads.get(item.flow.driving)
            lineage = declared(item.flow, self.project.registry.sources(driving)) if driving else Lineage()
        return {"columnLineage": facets.column_lineage(lineage, self._name)} if lineage else {}

    def _commit(self, table: str, version: int) -> dict[str, Any]:
        """Return a commit's entry in Delta's log; empty if it cannot be read."""
        try:
            return commit_at(self.project.catalog.table_uri(table), version, self.project.catalog.storage_options)
        except Exception as error:  # noqa: BLE001 - whatever a log's reader raises
            log.debug("version %d of %s cannot be read: %s", version, table, error)
            return {}

    def _change(self, item: FlowPlan, commit: Mapping[str, Any]) -> Facets:
        """Return what happened to the table as a whole, nothing if only rows changed."""
        if not commit:
            return {}
        if item.last is None:
            first = self._commit(item.flow.writes.name, 0)
            started = self._started.get(item.flow.id)
            # A table that an earlier, failed run left behind was not created now.
            # A log's times are whole milliseconds.
            if started is not None and first and commit_time(first) > started - timedelta(milliseconds=1):
                return {"lifecycleStateChange": facets.lifecycle("CREATE")}
        mode = (commit.get("operationParameters") or {}).get("mode")
        overwritten = str(mode).lower() == "overwrite"
        return {"lifecycleStateChange": facets.lifecycle("OVERWRITE")} if overwritten else {}


def _event(state: State, at: datetime, run: ol.Run, job: ol.Job, **datasets: Any) -> ol.RunEvent:
    kind = ol.RunState[state]
    return ol.RunEvent(eventType=kind, eventTime=at.isoformat(), run=run, job=job, producer=PRODUCER, **datasets)


def _parent(variable: str) -> facets.Parent | None:
    """Return what ``namespace/job/run-uuid`` in the environment names; a namespace may itself hold slashes."""
    value = os.environ.get(variable, "")
    if not value:
        return None
    try:
        parent = facets.Parent(*value.rsplit("/", 2))
        facets.parent(parent)
    except (TypeError, ValueError):
        log.warning("%s is %r: give namespace/job/run-uuid", variable, value)
        return None
    return parent


def _spark_version() -> str:
    try:
        return importlib.metadata.version("pyspark")
    except importlib.metadata.PackageNotFoundError:
        # A cluster's own Spark is not an installed package; it is imported once the session is there.
        return str(getattr(sys.modules.get("pyspark"), "__version__", "unknown"))
