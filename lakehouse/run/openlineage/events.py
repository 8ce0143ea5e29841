"""Make a run's events, as values of OpenLineage's own classes."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from lakehouse.declare.contract import Table
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
        self._parent = _parent("OPENLINEAGE_PARENT_ID")
        self._root = _parent("OPENLINEAGE_ROOT_PARENT_ID") or self._parent

    def run(self, state: State, at: datetime) -> ol.RunEvent:
        """Return an event of the run itself, the parent of its flows' runs."""
        given: Facets = {"processing_engine": facets.engine(self.project.config.engine, _spark_version())}
        if self._parent is not None:
            given["parent"] = facets.parent(self._parent, self._root)
        job = ol.Job(self.namespace, RUN_JOB, {"jobType": facets.job_type("DAG")})
        return _event(state, at, ol.Run(run_uuid(self.run_id), given), job)

    def began(self, item: FlowPlan, at: datetime, *, pinned: bool = True) -> ol.RunEvent:
        """Return the START of a flow.

        Args:
            item: The flow as planned.
            at: When.
            pinned: Whether its input versions are those that are read; else they are left out.
        """
        self._started[item.flow.id] = at
        job = self._job(item, facets.code(item.flow))
        inputs = self._inputs({name: v if pinned else None for name, v in item.inputs.items() if v >= 0})
        return _event("START", at, self._run(item), job, inputs=inputs, outputs=[self._output(item.flow.writes, {})])

    def ended(self, item: FlowPlan, result: FlowResult, at: datetime) -> ol.RunEvent:
        """Return the COMPLETE of a flow that committed, the FAIL of one that failed, else an ABORT."""
        if result.status == "done" and result.note is not None:
            return self._completed(item, result.version, result.note, at)
        run = self._run(item)
        written: Facets = {}
        if result.error is not None:
            run.facets = {**(run.facets or {}), "errorMessage": facets.error(result.error)}
        if isinstance(result.error, CheckFailedError) and result.error.reasons:
            written = self._assertions(item, result.error.reasons, result.error.rows, unique=False)
        inputs = self._inputs({name: version for name, version in item.inputs.items() if version >= 0})
        outputs = [self._output(item.flow.writes, written)]
        state: State = "FAIL" if result.status == "failed" else "ABORT"
        return _event(state, at, run, self._job(item), inputs=inputs, outputs=outputs)

    def aborted(self, item: FlowPlan, at: datetime) -> ol.RunEvent:
        """Return the ABORT of a flow that was running when its run was stopped."""
        return _event("ABORT", at, self._run(item), self._job(item))

    def _completed(self, item: FlowPlan, version: int, note: CommitNote, at: datetime) -> ol.RunEvent:
        table = item.flow.writes
        written: Facets = {"version": facets.version(version)}
        written |= self._assertions(item, note.reasons, note.counts.get("returned"), unique=True)
        if lineage := self._lineage(item):
            written["columnLineage"] = facets.column_lineage(lineage, self._name)
        counted: Facets = {}
        if commit := self._commit(table.name, version):
            counted["outputStatistics"] = facets.statistics(commit)
            if change := self._change(item, commit):
                written["lifecycleStateChange"] = facets.lifecycle(change)
        outputs = [self._output(table, written, counted)]
        return _event(
            "COMPLETE", at, self._run(item, note), self._job(item), inputs=self._inputs(note.inputs), outputs=outputs
        )

    def _run(self, item: FlowPlan, note: CommitNote | None = None) -> ol.Run:
        own = facets.Parent(self.namespace, RUN_JOB, run_uuid(self.run_id))
        given: Facets = {
            "parent": facets.parent(own, self._root),
            "processing_engine": facets.engine(self._engine(item, note), _spark_version()),
            "mixlake_commit": facets.commit(item, self.run_id, note),
        }
        return ol.Run(run_uuid(self.run_id, item.flow.id), given)

    def _engine(self, item: FlowPlan, note: CommitNote | None) -> str:
        """Return the engine that ran a flow, or that is to run it."""
        if note is not None and note.engine:
            return note.engine
        try:
            return choose_engine(self.project, item).engine
        except FlowError:  # the embedded one was asked for, and cannot run it
            return "embedded"

    def _job(self, item: FlowPlan, code: Facets | None = None) -> ol.Job:
        given = {"jobType": facets.job_type("TASK"), **facets.documentation(item.flow.doc), **(code or {})}
        return ol.Job(self.namespace, item.flow.id, given)

    def _inputs(self, versions: Mapping[str, int | None]) -> list[ol.InputDataset]:
        inputs = []
        for table, version in versions.items():
            name = self._name(table)
            given = facets.place(name, self.project.catalog.uri, table)
            if contract := self.project.registry.tables.get(table):
                given |= facets.contract(contract)
            if version is not None:
                given["version"] = facets.version(version)
            inputs.append(ol.InputDataset(*name, facets=given))
        return inputs

    def _output(self, table: Table, written: Facets, counted: Facets | None = None) -> ol.OutputDataset:
        name = self._name(table.name)
        given = {**facets.place(name, self.project.catalog.uri, table.name), **facets.contract(table), **written}
        return ol.OutputDataset(*name, facets=given, outputFacets=counted or {})

    def _name(self, table: str) -> Name:
        return dataset(self.project.catalog.table_uri(table))

    def _assertions(self, item: FlowPlan, reasons: Mapping[str, int], rows: int | None, *, unique: bool) -> Facets:
        made = list(assertions(item.flow.writes, reasons, rows, item.flow.reject_tolerance, unique=unique))
        return {"dataQualityAssertions": facets.assertions(made)} if made else {}

    def _lineage(self, item: FlowPlan) -> Lineage:
        if item.flow.kind == "sql":
            return of_sql(item.flow, self.project.registry.tables)
        driving = item.flow.reads.get(item.flow.driving)
        return declared(item.flow, self.project.registry.sources(driving)) if driving else Lineage()

    def _commit(self, table: str, version: int) -> dict[str, Any]:
        """Return a commit's entry in Delta's log; empty if it cannot be read."""
        try:
            return commit_at(self.project.catalog.table_uri(table), version, self.project.catalog.storage_options)
        except (OSError, ValueError, KeyError) as error:
            log.debug("version %d of %s cannot be read: %s", version, table, error)
            return {}

    def _change(self, item: FlowPlan, commit: Mapping[str, Any]) -> str:
        """Return what happened to the table as a whole, empty if only rows changed."""
        if item.last is None:
            first = self._commit(item.flow.writes.name, 0)
            started = self._started.get(item.flow.id)
            # A table that an earlier, failed run left behind was not created now.
            # A log's times are whole milliseconds.
            if started is not None and first and commit_time(first) > started - timedelta(milliseconds=1):
                return "CREATE"
        mode = (commit.get("operationParameters") or {}).get("mode")
        return "OVERWRITE" if str(mode).lower() == "overwrite" else ""


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
