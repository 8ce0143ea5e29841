"""The embedded engine: computes a flow's rows as Arrow batches and commits them through delta-rs, in this process."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError

from lakehouse.declare.contract import Column
from lakehouse.declare.flow import Flow
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.content_digest import HIGH, LOW
from lakehouse.delta.scan import unreadable_file
from lakehouse.embedded import changed_rows, checked_rows, conform, delta_writer, flow_inputs, key_diff
from lakehouse.embedded.conditions import Expressions, open_database
from lakehouse.embedded.delta_writer import RowsToWrite
from lakehouse.embedded.errors import from_engine_error
from lakehouse.embedded.flow_function import FlowFunction, source_keys
from lakehouse.embedded.quarantine_rows import marks, quarantine_rows, quarantined_origins
from lakehouse.embedded.retraction_filter import RetractionFilter
from lakehouse.embedded.row_file import CHUNK_ROWS, Stream
from lakehouse.embedded.row_hash import hash_rows
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
from lakehouse.errors import MixlakeError
from lakehouse.ledger.retractions import Retractions
from lakehouse.project import Project

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("mixlake.execute")

_MEMORY_LIMIT = "2GB"


class EmbeddedEngine:
    """Runs flows in this process.

    Args:
        project: The project.
        reason: Why it runs a flow, for the commit note.
    """

    name = "embedded"

    def __init__(self, project: Project, reason: str = "") -> None:
        self.reason = reason
        self._project = project

    @contextmanager
    def begin(self, flow: Flow, run_id: str) -> Iterator[EmbeddedFlowSession]:
        """Open a session for one execution of a flow; what is kept for it is deleted at the end."""
        with tempfile.TemporaryDirectory(prefix="mixlake-flow-", ignore_cleanup_errors=True) as folder:
            database = open_database(folder, _MEMORY_LIMIT)
            try:
                yield EmbeddedFlowSession(self._project, flow, run_id, database, Path(folder))
            finally:
                database.close()


class EmbeddedFlowSession:
    """The embedded engine at work on one flow; see `lakehouse.engine.FlowSession`.

    Args:
        project: The project.
        flow: The flow.
        run_id: The run, stamped on each row.
        database: Evaluates conditions, and sorts.
        folder: Where rows are kept until the commit.
    """

    def __init__(
        self, project: Project, flow: Flow, run_id: str, database: duckdb.DuckDBPyConnection, folder: Path
    ) -> None:
        self._project = project
        self._catalog = project.catalog
        self._flow = flow
        self._table = flow.writes
        self._run_id = run_id
        self._database = database
        self._folder = folder
        # Tables are stored with columns that may be null; the contract's checks decide which are not.
        self._schema = pa.schema([pa.field(column.name, column.stored_type) for column in flow.writes.columns])
        self._function = FlowFunction(project, flow, database, folder)

    def changes(self, before: Mapping[str, int], versions: Mapping[str, int], *, retry: bool) -> Changes | None:
        """Return what changed in the driving input; None where the change feed cannot be read."""
        try:
            changed = changed_rows.changes(self._project, self._database, self._flow, (before, versions), self._folder)
        except (DeltaError, pa.ArrowInvalid) as error:
            # The feed cannot be read across a change of the input's schema: then all rows are processed.
            log.info("%s starts over: the changes of %s cannot be read: %s", self._flow.id, self._flow.driving, error)
            return None
        return self._with_quarantined(changed, versions) if retry else changed

    def _with_quarantined(self, changed: Changes, versions: Mapping[str, int]) -> Changes | None:
        """Add the driving rows from which rows are quarantined; None where it is not known which they are."""
        origins = quarantined_origins(self._catalog, self._flow)
        if origins.null_count:
            return None
        keys = changed.affected.rows if changed.affected is not None else source_keys(self._flow, changed)
        keys = pa.chunked_array([keys, origins.cast(keys.type)]).unique()
        rows = changed_rows.rows_with_keys(self._project, self._database, self._flow, versions, keys)
        return Changes(rows, AffectedKeys(keys))

    def apply(self, call: Call) -> FlowOutput:
        """Call the flow's function."""
        return self._function.apply(call)

    def no_rows(self) -> Stream:
        """Return no rows, with the contract's columns."""
        return Stream(self._schema, ())

    def check(self, rows: Stream, retractions: Retractions) -> CheckedRows:
        """Conform rows, leave retracted ones out, compute the rest once, into a file, and count them."""
        conformed = conform.conform(self._flow, self._database, rows, self._run_id)
        orders = RetractionFilter(self._catalog, self._table, retractions)
        if orders.active:
            kept = (batch.filter(pc.invert(orders.retracted(batch))) for batch in conformed.batches)
            conformed = Stream(conformed.schema, kept)
        checked = checked_rows.check(self._table, conformed, self._folder)
        return replace(checked, read=self._function.read, function_seconds=self._function.seconds)

    def rejected_examples(self, checked: CheckedRows, of: int | str, limit: int) -> list[Mapping[str, Any]]:
        """Return the values of some rows that break a rule, given by its place, or that were rejected for a reason."""
        return checked_rows.rejected_examples(checked, of, limit)

    def duplicate_key(self, checked: CheckedRows) -> tuple[Mapping[str, Any], int]:
        """Return a key that several good rows share, and how many."""
        return checked_rows.duplicate_key(self._table, checked)

    def stored_key(self, checked: CheckedRows, version: int, replaced: StoredRows | None) -> Mapping[str, Any] | None:
        """Return a key of a good row that the table holds outside the replaced rows."""
        keys = list(self._table.key)
        stored = self._stored_keys(StoredRows(version))
        if replaced is not None:
            stored = stored.join(self._stored_keys(replaced), on=keys, how="anti", nulls_equal=True)
        return checked_rows.shared_key(self._table, checked, stored)

    def rows_with_duplicate_keys(self, version: int) -> int:
        """Return how many rows the table holds where some share a key."""
        keys = self._stored_keys(StoredRows(version))
        return keys.height if keys.height and keys.n_unique() != keys.height else 0

    def quarantine(self, output: FlowOutput, checked: CheckedRows, attempt: str, *, mark: bool) -> bool:
        """Append rejected rows, and marks for quarantined rows whose origin is processed again."""
        parts = []
        if checked.reasons:
            parts.append(quarantine_rows(self._flow, self._database, checked, attempt, self._run_id))
        if mark and not output.full and output.affected is not None:
            parts.append(marks(self._flow, self._catalog, output.affected.rows, attempt, self._run_id))
        rows = pa.concat_tables(parts) if parts else None
        if rows is None or not rows.num_rows:
            return False
        delta_writer.append_quarantine(self._catalog, rows, attempt)
        return True

    def difference(self, checked: CheckedRows, stored: StoredRows) -> Difference:
        """Compare the good rows with stored ones, by key."""
        return key_diff.difference(self._table, checked, self._stored_hashes(stored))

    def commit(self, write: Write, note: CommitNote, transaction: int) -> int:
        """Commit rows with their note."""
        schema = self._schema
        rows = write.checked.rows
        row_bytes = rows.bytes // max(1, rows.rows)
        if write.unchanged:
            changes = RowsToWrite("append", schema, (), row_bytes)
        elif write.difference is None:
            changes = RowsToWrite(write.mode, schema, self._arranged(self._good(write.checked)), row_bytes)
        else:
            changed: key_diff.ChangedRows = write.difference.rows
            comes = self._arranged(self._chosen(write.checked, changed.positions))
            actions = changed.actions if write.mode == "merge" else None
            changes = RowsToWrite(write.mode, schema, comes, row_bytes, actions=actions)
        return delta_writer.write(self._catalog, self._table, changes, note, transaction)

    def translate(self, error: Exception) -> MixlakeError:
        """Return an error of a library as one that names the flow and what to do."""
        if isinstance(error, FileNotFoundError | duckdb.InvalidInputException | duckdb.IOException):
            for name, version in self._function.versions.items():
                lost = unreadable_file(self._catalog.open(name, version), name) if version >= 0 else None
                if lost is not None:
                    return lost
        return from_engine_error(self._flow, error)

    def _good(self, checked: CheckedRows) -> Iterator[pa.RecordBatch]:
        for batch in checked_rows.good_rows(checked):
            yield self._stored_form(batch)

    def _chosen(self, checked: CheckedRows, positions: pa.Array) -> Iterator[pa.RecordBatch]:
        """Yield the rows at some places among all computed ones."""
        begin = 0
        for batch in checked.rows.batches():
            here = pa.array(np.arange(begin, begin + batch.num_rows), positions.type)
            chosen = batch.filter(pc.is_in(here, value_set=positions))
            begin += batch.num_rows
            if chosen.num_rows:
                yield self._stored_form(chosen)

    def _stored_form(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(
            [batch.column(column.name) for column in self._table.columns], schema=self._schema
        )

    def _arranged(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Order rows by the table's clustering; what does not fit into memory is spilled."""
        schema, columns = self._schema, list(self._table.cluster_by)
        if not columns:
            yield from batches
            return
        self._database.register("unordered", pa.RecordBatchReader.from_batches(schema, iter(batches)))
        order = ", ".join(f'"{name}"' for name in columns)
        answer = self._database.sql(f"SELECT * FROM unordered ORDER BY {order}")  # noqa: S608 - declared names
        for batch in answer.to_arrow_reader(self._sorted_rows):
            yield flow_inputs.in_types(batch, schema)

    @property
    def _sorted_rows(self) -> int:
        """Rows of a batch that is sorted: few where rows are large."""
        return max(1, min(CHUNK_ROWS, self._flow.batch_rows))

    def _stored_keys(self, stored: StoredRows) -> pl.DataFrame:
        import polars as pl

        names = list(self._table.key)
        batches = [batch.select(names) for batch in self._stored(stored, names)]
        return pl.DataFrame(pa.Table.from_batches(batches, self._part(names)))

    def _stored_hashes(self, stored: StoredRows) -> pl.DataFrame:
        import polars as pl

        keys = list(self._table.key)
        schema = self._part(keys).append(pa.field(HIGH, pa.int64())).append(pa.field(LOW, pa.int64()))
        names = list(dict.fromkeys([*keys, *self._table.stable_columns]))
        batches = [
            pa.RecordBatch.from_arrays(
                [*(batch.column(key) for key in keys), *hash_rows(self._table, batch)], schema=schema
            )
            for batch in self._stored(stored, names)
        ]
        return pl.DataFrame(pa.Table.from_batches(batches, schema))

    def _part(self, names: list[str]) -> pa.Schema:
        return pa.schema([pa.field(name, self._table.column(name).stored_type) for name in names])

    def _is_needed(self, column: Column, names: list[str]) -> bool:
        """Whether a payload column is read to find stored rows: it is large, and rarely asked for."""
        return column.name in {*names, "uri"} or column.name in self._flow.source_key_sql

    def _stored(self, stored: StoredRows, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield the stored rows that are meant: all, or those of affected keys and those that are retracted."""
        table = self._table
        if stored.whole:
            yield from flow_inputs.table_rows(self._catalog, table, stored.version, names, CHUNK_ROWS)
            return
        columns = [column.name for column in table.columns if not column.payload or self._is_needed(column, names)]
        types = {column.name: column.stored_type for column in table.columns}
        source_key = Expressions(self._database, [self._flow.source_key_sql], types)
        orders = RetractionFilter(self._catalog, table, stored.retractions or Retractions())
        for batch in flow_inputs.table_rows(self._catalog, table, stored.version, columns, CHUNK_ROWS):
            meant = orders.retracted(batch)
            if stored.affected is not None:
                keys = source_key.values(batch)[0]
                wanted = stored.affected.rows
                meant = pc.or_(meant, pc.is_in(keys, value_set=wanted.cast(keys.type)))
            chosen = batch.filter(meant)
            if chosen.num_rows:
                yield chosen
