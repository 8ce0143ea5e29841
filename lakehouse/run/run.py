"""Run the stale flows of a project, and what follows a run: retractions, the ledger, the index and purges."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from lakehouse.delta.catalog import Catalog
from lakehouse.errors import LakeError
from lakehouse.ledger.retractions import load_retractions
from lakehouse.ledger.runs import sync_runs
from lakehouse.plan.plan import Plan, make_plan
from lakehouse.project import Project
from lakehouse.retraction.completion import complete_orders
from lakehouse.retraction.purge import purge
from lakehouse.retraction.quarantine_cleanup import delete_retracted_rows
from lakehouse.run.index_update import update_index
from lakehouse.run.listener import Listener
from lakehouse.run.log_cleanup import clean_logs
from lakehouse.run.openlineage.listener import with_openlineage
from lakehouse.run.report import FlowResult, Report
from lakehouse.run.scheduler import RunContext, Scheduler
from lakehouse.run.spark_session import SparkHandle
from lakehouse.spark.session import spark_log_file

log = logging.getLogger("mixlake.run")


def run(
    project: Project,
    select: tuple[str, ...] = (),
    *,
    full: bool = False,
    retry: bool = False,
    migrate: bool = False,
    listener: Listener | None = None,
) -> Report:
    """Run the selected flows that are stale.

    Tables that the run does not write are pinned when it starts; those that it writes are read at the
    version that it committed. A flow whose inputs turn out unchanged is not executed. If a flow fails,
    flows that depend on it are skipped and the others go on.

    Args:
        project: The project.
        select: Words of a selection, see `lakehouse.plan.selection`; none selects all.
        full: Whether all rows are processed again, also if only some changed.
        retry: Whether rows are processed again from which rows were quarantined.
        migrate: Whether tables whose contracts changed incompatibly are rewritten.
        listener: Called as the run goes.

    Raises:
        UsageError: If a word selects nothing.
    """
    clock = time.monotonic()
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    with with_openlineage(project, run_id, listener or Listener()) as listeners:
        plan = make_plan(project, select, full=full, retry=retry)
        listeners.planned(plan)
        spark = SparkHandle(project, spark_log_file(project, run_id), listeners)
        results = (
            Scheduler(RunContext(project, plan, run_id, spark, listeners, retry=retry, migrate=migrate)).results()
            if plan.stale
            else [FlowResult(item.flow.id, item.writes, "fresh") for item in plan.flows]
        )
        _clean_quarantine(project, repeat=_missed_retractions(project.catalog, plan, results))
        sync_runs(project.catalog)
        update_index(project, spark, run_id)
        failed = [result.writes for result in results if result.status in {"failed", "skipped"}]
        completions = complete_orders(project, run_id, failed)
        purges = purge(
            project,
            run_id,
            sync=lambda: update_index(project, spark, run_id, start=True),
            clean=lambda: clean_logs(project, spark.log_file),
            failed=failed,
        )
    return Report(
        run_id=run_id,
        results=tuple(results),
        seconds=time.monotonic() - clock,
        session_seconds=spark.seconds,
        log_file=str(spark.log_file) if spark.seconds else "",
        retractions=tuple(completions),
        purges=tuple(purges),
    )


def _clean_quarantine(project: Project, *, repeat: bool) -> None:
    """Delete retracted rows from quarantine; where other writers prevent it, say so and let the run end."""
    try:
        delete_retracted_rows(project, repeat=repeat)
    except LakeError as error:
        later = "repeat the retraction to delete them" if repeat else "the next run deletes them"
        log.warning("retracted rows may still be quarantined: %s; %s", error.message, later)


def _missed_retractions(catalog: Catalog, plan: Plan, results: Iterable[FlowResult]) -> bool:
    """Whether this run, or one before it, may have quarantined rows that a newer retraction takes out."""
    if any(item.has_cause("retraction") for item in plan.flows):
        return True
    known = [result.note.retraction for result in results if result.note is not None and result.note.quarantine]
    return bool(known) and min(known) < load_retractions(catalog).ordinal
