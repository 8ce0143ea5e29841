"""The embedded engine: computes a flow's rows as Arrow batches and commits them through delta-rs, in this process."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError

from lakehouse.declare.flow import Flow
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.content_digest import Digest
from lakehouse.delta.damaged_file import damaged_file, unreadable_file
from lakehouse.embedded import changed_rows, checked_rows, conform, delta_writer, flow_inputs, key_diff, read_back
from lakehouse.embedded.conditions import open_database
from lakehouse.embedded.delta_writer import RowsToWrite
from lakehouse.embedded.errors import from_engine_error
from lakehouse.embedded.flow_function import FlowFunction, source_keys
from lakehouse.embedded.quarantine_rows import marks, quarantine_rows, quarantined_origins, source_keys_of
from lakehouse.embedded.retraction_filter import RetractionFilter
from lakehouse.embedded.row_file import CHUNK_ROWS, Stream
from lakehouse.embedded.row_origins import RowOrigins
from lakehouse.embedded.stored_rows import StoredRowReader
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
from lakehouse.interruption import on_interrupt
from lakehouse.ledger.retractions import Retractions
from lakehouse.project import Project
from lakehouse.scratch_folder import scratch_folder

log = logging.getLogger("mixlake.execute")

_MEMORY_LIMIT = "2GB"


class EmbeddedEngine:
    """Runs flows in this process.

    Args:
        project: The project.
        reason: Why it runs a flow, for the commit note.
        shuffled: Whether relations come in an order that is their rows' hashes', by one thread: a flow whose rows
            depend on the order of its input gives others then.
    """

    name = "embedded"

    def __init__(self, project: Project, reason: str = "", *, shuffled: bool = False) -> None:
        self.reason = reason
        self._project = project
        self._shuffled = shuffled

    @contextmanager
    def begin(self, flow: Flow, run_id: str) -> Iterator[EmbeddedFlowSession]:
        """Open a session for one execution of a flow; what is kept for it is deleted at the end."""
        with scratch_folder("flow") as folder:
            database = open_database(str(folder), _MEMORY_LIMIT, 1 if self._shuffled else None)
            function = FlowFunction(self._project, flow, database, folder, shuffled=self._shuffled)
            try:
                with on_interrupt(database.interrupt):
                    yield EmbeddedFlowSession(self._project, function, run_id, database, folder)
            finally:
                database.close()


class EmbeddedFlowSession:
    """The embedded engine at work on one flow; see `lakehouse.engine.FlowSession`.

    Args:
        project: The project.
        function: The flow's function.
        run_id: The run, stamped on each row.
        database: Evaluates conditions, and sorts.
        folder: Where rows are kept until the commit.
    """

    def __init__(
        self,
        project: Project,
        function: FlowFunction,
        run_id: str,
        database: duckdb.DuckDBPyConnection,
        folder: Path,
    ) -> None:
        flow = function.flow
        self._project = project
        self._catalog = project.catalog
        self._flow = flow
        self._function = function
        self._table = flow.writes
        self._run_id = run_id
        self._database = database
        self._folder = folder
        # Tables are stored with columns that may be null; the contract's checks decide which are not.
        self._schema = pa.schema([pa.field(column.name, column.stored_type) for column in flow.writes.columns])
        self._stored = StoredRowReader(project.catalog, flow, database)

    @functools.cached_property
    def _origins(self) -> RowOrigins:
        return RowOrigins(self._flow, self._database)

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
        keys = changed.affected.rows if changed.affected is not None else source_keys(self._flow, changed)
        quarantined = source_keys_of(self._database, origins, keys.type)
        if quarantined.null_count:
            return None
        keys = pa.chunked_array([keys, quarantined]).unique()
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

    def rejected_examples(self, checked: CheckedRows, rule_or_reason: int | str, limit: int) -> list[Mapping[str, Any]]:
        """Return the values of some rows that break a rule, given by its place, or that were rejected for a reason."""
        return checked_rows.rejected_examples(checked, rule_or_reason, limit)

    def duplicate_key(self, checked: CheckedRows) -> KeyOrigins:
        """Return a key that several good rows share, with the origins of two of them."""
        found = checked_rows.duplicate_key(self._table, checked)
        return replace(found, origins=self._origins.shown(checked_rows.rows_with_key(checked, found.key, 2)))

    def stored_key(self, checked: CheckedRows, version: int, replaced: StoredRows | None) -> KeyOrigins | None:
        """Return a key of a good row that the table holds outside the replaced rows."""
        stored = self._stored.with_keys(checked_rows.good_keys(self._table, checked), version, replaced)
        if stored is None:
            return None
        key = {name: stored.column(name)[0].as_py() for name in self._table.key}
        new = checked_rows.rows_with_key(checked, key, 1)
        return KeyOrigins(key, [*self._origins.shown(new), *self._origins.shown(stored.slice(0, 1))])

    def foreign_row(self, checked: CheckedRows) -> KeyOrigins | None:
        """Return a row whose origin is no source key that the function was given."""
        keys = self._function.source_keys_in
        return self._origins.foreign(checked.rows.batches(), keys) if keys is not None else None

    def rows_with_duplicate_keys(self, version: int) -> int:
        """Return how many rows the table holds where some share a key."""
        keys = self._stored.keys(version)
        return keys.height if keys.height and keys.n_unique() != keys.height else 0

    def quarantine(self, output: FlowOutput, checked: CheckedRows, attempt: str, *, mark: bool) -> bool:
        """Append rejected rows, and marks for quarantined rows whose origin is processed again."""
        parts = []
        if checked.reasons:
            parts.append(quarantine_rows(self._flow, self._database, checked, attempt, self._run_id))
        if mark and not output.full and output.affected is not None:
            keys = output.affected.rows
            parts.append(marks(self._flow, self._database, self._catalog, keys, (attempt, self._run_id)))
        rows = pa.concat_tables(parts) if parts else None
        if rows is None or not rows.num_rows:
            return False
        delta_writer.append_quarantine(self._catalog, rows, attempt)
        return True

    def difference(self, checked: CheckedRows, stored: StoredRows) -> Difference:
        """Compare the good rows with stored ones, by key."""
        return key_diff.difference(self._table, checked, self._stored.hashes(stored))

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

    def stored_digest(self, version: int) -> Digest:
        """Return the content digest of all rows of the table, read from its files."""
        return read_back.stored_digest(self._catalog, self._table, version)

    def differing_row(self, write: Write, version: int) -> Mapping[str, Any] | None:
        """Return the key of a sampled row of a commit that is not what was committed; None where there is none."""
        return read_back.differing_row(self._catalog, self._table, write, version, self._run_id)

    def translate(self, error: Exception) -> MixlakeError:
        """Return an error of a library as one that names the flow and what to do."""
        if isinstance(error, OSError | duckdb.InvalidInputException | duckdb.IOException):
            read = [(name, version) for name, version in self._function.versions.items() if version >= 0]
            # Arrow's errors of bytes that it cannot read have no number, or come through DuckDB.
            is_arrow = isinstance(error, OSError) and error.errno is None
            finders = [unreadable_file, *([damaged_file] if is_arrow or "reading the stream" in str(error) else [])]
            for find in finders:
                for name, version in read:
                    if (lost := find(self._catalog.open(name, version), name)) is not None:
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
