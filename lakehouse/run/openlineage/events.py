"""A run's events, as values of OpenLineage's own classes. Needs the package openlineage-python."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from openlineage.client import event_v2 as ol
from openlineage.client.facet_v2 import parent_run

from lakehouse.declare.contract import Table
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.history import commit_at, commit_time
from lakehouse.errors import CheckFailedError
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project
from lakehouse.run.openlineage import facets
from lakehouse.run.openlineage.assertions import results
from lakehouse.run.openlineage.column_lineage import Lineage, declared
from lakehouse.run.openlineage.dataset_names import Name, dataset
from lakehouse.run.openlineage.facets import PRODUCER, Facets
from lakehouse.run.openlineage.run_ids import run_uuid
from lakehouse.run.openlineage.sql_column_lineage import of_sql
from lakehouse.run.report import Outcome

log = logging.getLogger("mixlake.openlineage")

RUN_JOB = "mixlake.run"


class Events:
    """Makes the events of one run.

    Args:
        lake: The lake.
        run_id: The run.
        namespace: OpenLineage namespace of the jobs.
    """

    def __init__(self, project: Project, run_id: str, namespace: str) -> None:
        self.project = project
        self.run_id = run_id
        self.namespace = namespace
        self._started: dict[str, datetime] = {}
        self._above = _parent("OPENLINEAGE_PARENT_ID")
        self._root = _parent("OPENLINEAGE_ROOT_PARENT_ID") or self._above

    def run(self, state: ol.RunState, at: datetime) -> ol.RunEvent:
        """Return an event of the run itself, the parent of its flows'."""
        found: Facets = {"processing_engine": facets.engine(_spark())}
        if self._above is not None:
            found["parent"] = _facet(self._above, self._root)
        job = ol.Job(self.namespace, RUN_JOB, {"jobType": facets.job_type("DAG")})
        return _event(state, at, ol.Run(run_uuid(self.run_id), found), job)

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
        outputs = [self._output(item.flow.writes, {})]
        return _event(ol.RunState.START, at, self._run(item), job, inputs, outputs)

    def ended(self, item: FlowPlan, outcome: Outcome, at: datetime) -> ol.RunEvent:
        """Return the COMPLETE of a flow that committed, the FAIL of one that failed, else an ABORT."""
        if outcome.status == "done" and outcome.note is not None:
            return self._completed(item, outcome.version, outcome.note, at)
        state = ol.RunState.FAIL if outcome.status == "failed" else ol.RunState.ABORT
        run = self._run(item)
        found: Facets = {}
        if outcome.error is not None:
            run.facets = {**(run.facets or {}), "errorMessage": facets.error(outcome.error)}
        if isinstance(outcome.error, CheckFailedError) and outcome.error.reasons:
            found = self._assertions(item, outcome.error.reasons, outcome.error.rows, unique=False)
        inputs = self._inputs({name: version for name, version in item.inputs.items() if version >= 0})
        return _event(state, at, run, self._job(item), inputs, [self._output(item.flow.writes, found)])

    def aborted(self, item: FlowPlan, at: datetime) -> ol.RunEvent:
        """Return the ABORT of a flow that was at work when its run was stopped."""
        return _event(ol.RunState.ABORT, at, self._run(item), self._job(item))

    def _completed(self, item: FlowPlan, version: int, note: CommitNote, at: datetime) -> ol.RunEvent:
        table = item.flow.writes
        found: Facets = {"version": facets.version(version)}
        rows = note.counts.get("returned")
        found |= self._assertions(item, note.reasons, rows, unique=True)
        if lineage := self._lineage(item):
            found["columnLineage"] = facets.column_lineage(lineage, self.name)
        counted: Facets = {}
        if commit := self._commit(table.name, version):
            counted["outputStatistics"] = facets.statistics(commit)
            if change := self._change(item, commit):
                found["lifecycleStateChange"] = facets.lifecycle(change)
        output = self._output(table, found, counted)
        return _event(
            ol.RunState.COMPLETE, at, self._run(item, note), self._job(item), self._inputs(note.inputs), [output]
        )

    def _run(self, item: FlowPlan, note: CommitNote | None = None) -> ol.Run:
        own = parent_run.Run(run_uuid(self.run_id)), parent_run.Job(self.namespace, RUN_JOB)
        found: Facets = {
            "parent": _facet(own, self._root or own),
            "processing_engine": facets.engine(_spark()),
            "mixlake_commit": facets.commit(item, self.run_id, note),
        }
        return ol.Run(run_uuid(self.run_id, item.flow.id), found)

    def _job(self, item: FlowPlan, more: Mapping[str, Any] | None = None) -> ol.Job:
        found = {"jobType": facets.job_type("TASK"), **facets.documentation(item.flow.doc), **(more or {})}
        return ol.Job(self.namespace, item.flow.id, found)

    def _inputs(self, versions: Mapping[str, int | None]) -> list[ol.InputDataset]:
        found = []
        for table, version in versions.items():
            name = self.name(table)
            contract = self.project.registry.tables.get(table)
            given = facets.place(name, self.project.catalog.uri, table) | (
                facets.contract(contract) if contract else {}
            )
            if version is not None:
                given["version"] = facets.version(version)
            found.append(ol.InputDataset(*name, facets=given))
        return found

    def _output(self, table: Table, more: Facets, counted: Facets | None = None) -> ol.OutputDataset:
        name = self.name(table.name)
        given = {**facets.place(name, self.project.catalog.uri, table.name), **facets.contract(table), **more}
        return ol.OutputDataset(*name, facets=given, outputFacets=counted or {})

    def name(self, table: str) -> Name:
        """Return what OpenLineage calls a table of the lake."""
        return dataset(self.project.catalog.table_uri(table))

    def _assertions(self, item: FlowPlan, reasons: Mapping[str, int], rows: int | None, *, unique: bool) -> Facets:
        found = list(results(item.flow.writes, reasons, item.flow.reject_tolerance, unique=unique))
        return {"dataQualityAssertions": facets.assertions(found, rows)} if found else {}

    def _lineage(self, item: FlowPlan) -> Lineage:
        if item.flow.kind == "sql":
            return of_sql(item.flow, self.project.registry.tables)
        driving = item.flow.reads.get(item.flow.driving)
        return declared(item.flow, self.project.registry.sources(driving)) if driving else Lineage()

    def _commit(self, table: str, version: int) -> dict[str, Any]:
        """Return what Delta's log says of a commit; nothing where it cannot be read just now."""
        try:
            return commit_at(self.project.catalog.table_uri(table), version, self.project.catalog.storage_options)
        except (OSError, ValueError, KeyError) as error:
            log.debug("version %d of %s cannot be looked up: %s", version, table, error)
            return {}

    def _change(self, item: FlowPlan, commit: Mapping[str, Any]) -> str:
        """Return what happened to the table as a whole, empty where only rows changed."""
        if item.last is None:
            first = self._commit(item.flow.writes.name, 0)
            started = self._started.get(item.flow.id)
            # A table that an earlier, failed run left behind was not created now.
            # A log's times are whole milliseconds.
            if started is not None and first and commit_time(first) > started - timedelta(milliseconds=1):
                return "CREATE"
        mode = (commit.get("operationParameters") or {}).get("mode")
        return "OVERWRITE" if str(mode).lower() == "overwrite" else ""


def _event(  # noqa: PLR0913, PLR0917 - the parts of an event
    state: ol.RunState,
    at: datetime,
    run: ol.Run,
    job: ol.Job,
    inputs: list[ol.InputDataset] | None = None,
    outputs: list[ol.OutputDataset] | None = None,
) -> ol.RunEvent:
    return ol.RunEvent(
        eventType=state,
        eventTime=at.isoformat(),
        run=run,
        job=job,
        inputs=inputs or [],
        outputs=outputs or [],
        producer=PRODUCER,
    )


def _parent(variable: str) -> tuple[parent_run.Run, parent_run.Job] | None:
    """Return what ``namespace/job/run-uuid`` in the environment names; a namespace may itself hold slashes."""
    given = os.environ.get(variable, "")
    parts = given.rsplit("/", 2)
    if not given:
        return None
    try:
        namespace, name, run = parts
        return parent_run.Run(run), parent_run.Job(namespace, name)
    except ValueError:
        log.warning("%s is %r: give namespace/job/run-uuid", variable, given)
        return None


def _facet(
    parent: tuple[parent_run.Run, parent_run.Job], root: tuple[parent_run.Run, parent_run.Job] | None
) -> parent_run.ParentRunFacet:
    top = root or parent
    return parent_run.ParentRunFacet(
        run=parent[0],
        job=parent[1],
        root=parent_run.Root(
            run=parent_run.RootRun(top[0].runId), job=parent_run.RootJob(top[1].namespace, top[1].name)
        ),
        producer=PRODUCER,
    )


def _spark() -> str:
    try:
        return importlib.metadata.version("pyspark")
    except importlib.metadata.PackageNotFoundError:
        # A cluster's own Spark is no installed package; it is there once the session is.
        return str(getattr(sys.modules.get("pyspark"), "__version__", "unknown"))
