"""The Spark engine: computes a flow's rows as DataFrames and commits them through Delta's Spark writer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse.declare.flow import Flow
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.content_digest import Digest
from lakehouse.delta.read_back import sample
from lakehouse.engine import (
    AffectedKeys,
    Call,
    Changes,
    CheckedRows,
    Difference,
    FlowOutput,
    StoredRows,
    Write,
)
from lakehouse.engine.keys import KeyOrigins
from lakehouse.errors import MixlakeError
from lakehouse.ledger.retractions import Retractions
from lakehouse.project import Project
from lakehouse.spark import (
    changed_rows,
    checked_rows,
    conform,
    delta_reader,
    delta_writer,
    flow_inputs,
    quarantine_rows,
    read_back,
    retraction_filter,
    shared_keys,
)
from lakehouse.spark.delta_writer import CommitStamp
from lakehouse.spark.errors import from_spark_error
from lakehouse.spark.file_pruning import KeysOf, rows_with_keys
from lakehouse.spark.flow_function import FlowFunction
from lakehouse.spark.key_diff import difference
from lakehouse.spark.layout import arrange

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("mixlake.execute")


class SparkEngine:
    """Runs flows in sessions of one Spark context.

    Args:
        root: The session that Spark was started with.
        project: The project.
        settings: Settings of each flow's session in addition to the flow's own.
        reason: Why it runs a flow, for the commit note.
    """

    name = "spark"

    def __init__(
        self, root: SparkSession, project: Project, settings: Mapping[str, str] | None = None, reason: str = ""
    ) -> None:
        self.reason = reason
        self._root = root
        self._project = project
        self._settings = dict(settings or {})

    @contextmanager
    def begin(self, flow: Flow, run_id: str) -> Iterator[SparkFlowSession]:
        """Open a session for one execution of a flow; rows that are kept for it are released at the end."""
        session = self._root.newSession()
        session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(flow.batch_rows))
        session.conf.set("spark.sql.inMemoryColumnarStorage.batchSize", str(min(flow.batch_rows, 10_000)))
        delta_writer.writer_settings(session, flow.writes)
        for key, value in {**flow.spark, **self._settings}.items():
            session.conf.set(key, value)
        with ExitStack() as stack:
            yield SparkFlowSession(session, self._project, flow, run_id, stack)


class SparkFlowSession:
    """Spark at work on one flow; see `lakehouse.engine.FlowSession`.

    Args:
        session: A session of the flow's own.
        project: The project.
        flow: The flow.
        run_id: The run, stamped on each row.
        stack: Releases what is kept for the flow.
    """

    def __init__(self, session: SparkSession, project: Project, flow: Flow, run_id: str, stack: ExitStack) -> None:
        self._session = session
        self._run_id = run_id
        self._project = project
        self._catalog = project.catalog
        self._flow = flow
        self._table = flow.writes
        self._stack = stack
        self._function = FlowFunction(session, project, flow, stack)

    def changes(self, before: Mapping[str, int], versions: Mapping[str, int], *, retry: bool) -> Changes | None:
        """Return what changed in the driving input; None where the change feed cannot be read."""
        from pyspark.errors import PySparkException

        try:
            changed = changed_rows.changes(self._session, self._project, self._flow, before, versions)
            return self._with_quarantined(changed, versions) if retry else changed
        except PySparkException as error:
            if "CHANGE_DATA" not in str(error) and "CHANGE_TABLE_FEED" not in str(error):
                raise
            # The feed cannot be read across a change of the input's schema: then all rows are processed.
            log.info("%s starts over: the changes of %s cannot be read", self._flow.id, self._flow.driving)
            return None

    def _with_quarantined(self, changed: Changes, versions: Mapping[str, int]) -> Changes | None:
        """Add the driving rows from which rows are quarantined; None where it is not known which they are."""
        key = self._flow.source_key
        keys = changed.affected.rows if changed.affected is not None else changed.rows.select(key)
        kind = keys.schema[0].dataType
        origins = quarantine_rows.origins(self._session, self._catalog, self._flow, kind)
        if origins is None:
            return None
        keys = keys.union(origins.toDF(key)).distinct()
        driving = self._flow.reads[self._flow.driving]
        whole = flow_inputs.frame(self._session, self._project, driving, versions)
        return Changes(whole.join(keys, key, "left_semi"), AffectedKeys(keys))

    def apply(self, call: Call) -> FlowOutput:
        """Call the flow's function."""
        return self._function.apply(call)

    def no_rows(self) -> DataFrame:
        """Return no rows, with the contract's columns."""
        return self._session.createDataFrame([], delta_reader.spark_schema(self._table.schema))

    def check(self, rows: DataFrame, retractions: Retractions) -> CheckedRows:
        """Conform rows, leave retracted ones out, compute the rest once, on the workers' disks, and count them."""
        conformed = conform.conform(self._flow, rows, self._run_id)
        allowed = retraction_filter.without_retracted(self._session, self._catalog, self._table, conformed, retractions)
        checked = checked_rows.check(self._table, allowed, self._stack)
        counter = self._function.counter
        return replace(checked, read=counter.rows, function_seconds=counter.seconds)

    def rejected_examples(self, checked: CheckedRows, rule_or_reason: int | str, limit: int) -> list[Mapping[str, Any]]:
        """Return the values of some rows that break a rule, given by its place, or that were rejected for a reason."""
        return checked_rows.rejected_examples(checked, rule_or_reason, limit)

    def duplicate_key(self, checked: CheckedRows) -> KeyOrigins:
        """Return a key that several good rows share, with the origins of two of them."""
        return shared_keys.duplicate_key(self._flow, checked)

    def stored_key(self, checked: CheckedRows, version: int, replaced: StoredRows | None) -> KeyOrigins | None:
        """Return a key of a good row that the table holds outside the replaced rows."""
        whole = delta_reader.load(self._session, self._catalog, self._table, version)
        found = shared_keys.stored_rows(self._table, checked, whole)
        for part in self._replaced(found, replaced) if replaced is not None else ():
            found = found.join(part.select(*self._table.key), list(self._table.key), "left_anti")
        return shared_keys.first_stored(self._flow, checked, found)

    def _replaced(self, rows: DataFrame, replaced: StoredRows) -> Iterator[DataFrame]:
        """Yield the rows of affected keys, and those that are retracted."""
        from pyspark.sql import functions as F

        if replaced.affected is not None:
            wanted = replaced.affected.rows.toDF("_origin")
            same = F.expr(self._flow.source_key_sql).eqNullSafe(F.col("_origin"))
            yield rows.join(wanted, same, "left_semi")
        if replaced.retractions is not None:
            orders = replaced.retractions
            yield retraction_filter.retracted_rows(self._session, self._catalog, self._table, rows, orders)

    def foreign_row(self, checked: CheckedRows) -> KeyOrigins | None:
        """Return a row whose origin is no source key that the function was given."""
        keys = self._function.source_keys_in
        return shared_keys.foreign_row(self._flow, checked, keys) if keys is not None else None

    def rows_with_duplicate_keys(self, version: int) -> int:
        """Return how many rows the table holds where some share a key."""
        return checked_rows.rows_with_duplicate_keys(self._table, self._stored(StoredRows(version)))

    def quarantine(self, output: FlowOutput, checked: CheckedRows, attempt: str, *, mark: bool) -> bool:
        """Append rejected rows, and marks for quarantined rows whose origin is processed again."""
        this = quarantine_rows.Attempt(self._flow, attempt, self._run_id)
        parts = [quarantine_rows.rejected_rows(this, checked)] if checked.reasons else []
        if mark and not output.full and output.affected is not None:
            marks = quarantine_rows.marks(self._session, self._catalog, this, output.affected.rows)
            parts += [marks] if marks is not None else []
        if not parts:
            return False
        delta_writer.append_quarantine(self._catalog, flow_inputs.union(parts), attempt)
        return True

    def difference(self, checked: CheckedRows, stored: StoredRows) -> Difference:
        """Compare the good rows with stored ones, by key."""
        return difference(self._table, checked_rows.good(checked), self._stored(stored), self._stack)

    def commit(self, write: Write, note: CommitNote, transaction: int) -> int:
        """Commit rows with their note."""
        rows = arrange(self._table, write)
        return delta_writer.write(self._session, self._catalog, self._table, rows, CommitStamp(note, transaction))

    def stored_digest(self, version: int) -> Digest:
        """Return the content digest of all rows of the table, read from its files."""
        return read_back.stored_digest(self._table, self._stored(StoredRows(version)))

    def differing_row(self, write: Write, version: int) -> Mapping[str, Any] | None:
        """Return the key of a sampled row of a commit that is not what was committed; None where there is none."""
        columns = list(dict.fromkeys([*self._table.key, *self._table.stable_columns]))
        batches = list(sample(self._catalog.open(self._table.name, version), columns, self._run_id))
        if not batches:
            return None
        return read_back.differing_row(self._session, self._table, write, pa.Table.from_batches(batches))

    def translate(self, error: Exception) -> MixlakeError:
        """Return an error of Spark's as one that names the flow and what to do."""
        return from_spark_error(self._flow, error, self._catalog.uri)

    def _stored(self, stored: StoredRows) -> DataFrame:
        """Return the stored rows that are meant: all, or those of affected keys and those that are retracted."""
        from pyspark.sql import functions as F

        whole = delta_reader.load(self._session, self._catalog, self._table, stored.version)
        if stored.whole:
            return whole
        parts = []
        if stored.affected is not None:
            keys = KeysOf(F.expr(self._flow.source_key_sql), stored.affected)
            parts.append(rows_with_keys(whole, self._catalog, self._table.name, stored.version, keys))
        if stored.retractions is not None:
            orders = stored.retractions
            parts.append(retraction_filter.retracted_rows(self._session, self._catalog, self._table, whole, orders))
        if len(parts) == 1:
            return parts[0]
        names = list(self._table.key)
        either = parts[0].select(*names).union(parts[1].select(*names)).distinct()
        return whole.join(either, names, "left_semi")
