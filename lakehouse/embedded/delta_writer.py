"""Commit through delta-rs: a flow's rows and its note in one Delta commit.

The commit uses up the flow's next transaction number. delta-rs does not check whether it was used, so the table is
opened first and the commit is made on exactly that version: the second writer fails, and its flow is planned again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import (
    ColumnProperties,
    CommitProperties,
    PostCommitHookProperties,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError

from lakehouse.declare import writer_options as names
from lakehouse.declare.contract import Table
from lakehouse.delta import append
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.log_writer import checkpoint, create_commit
from lakehouse.delta.retry import retry
from lakehouse.delta.store.conditional_put import require_atomic_commits
from lakehouse.delta.store.permissions import require_writable, translate_write_errors
from lakehouse.embedded.replace_rows import Replacement, ReplaceRows
from lakehouse.engine import WriteMode
from lakehouse.errors import CollisionError, LakeError
from lakehouse.ledger import tables
from lakehouse.scratch_folder import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from deltalake import DeltaTable

_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
_BYTES_OF_A_GROUP = 128 << 20
_ROWS_OF_A_GROUP = 1 << 20


@dataclass(frozen=True)
class RowsToWrite:
    """Rows and how they are written.

    Args:
        mode: append, overwrite or merge.
        schema: The rows' schema.
        batches: The rows; for merge the inserted and updated ones.
        row_bytes: Approximate bytes of a row.
        replaced: For overwrite the condition of the stored rows to replace, empty for all; all new rows fulfil it.
        actions: For merge the key and ``_action`` (I, U or D) of each row that is inserted, updated or deleted.
    """

    mode: WriteMode
    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]
    row_bytes: int
    replaced: str = ""
    actions: pl.DataFrame | None = None


def write(catalog: Catalog, table: Table, changes: RowsToWrite, note: CommitNote, transaction: int) -> int:
    """Commit a flow's rows with its note.

    Args:
        catalog: The lake's catalog.
        table: Contract of the written table, which exists.
        changes: The rows, and how they are written.
        note: The note; its flow names the transaction.
        transaction: The transaction's number.

    Returns:
        The version that holds the commit.

    Raises:
        CollisionError: If another run used the number, or committed to the table meanwhile.
        LakeError: If the store refused.
    """
    require_atomic_commits(catalog.uri, catalog.storage_options)
    opened = catalog.open(table.name)
    if int(opened.transaction_version(note.flow) or 0) >= transaction:
        raise CollisionError(f"{table.name}: another run committed transaction {transaction}", "it is planned again")
    require_writable(table.name, opened.table_uri)
    with _committing(table.name):
        if changes.actions is not None:
            properties = writer_properties(table, changes.row_bytes)
            with scratch_folder("merge") as folder:
                replace = ReplaceRows(table, opened, changes.actions, properties, folder)
                replacement = replace.write(changes.batches)
            return _commit_replacement(catalog, table, replacement, opened, (note, transaction))
        _write(table, opened, changes, (note, transaction))
    return int(opened.version())


def _write(table: Table, opened: DeltaTable, changes: RowsToWrite, stamp: tuple[CommitNote, int]) -> None:
    """Append rows, or replace all rows or those that fulfil a condition."""
    note, transaction = stamp
    options: dict[str, Any] = {"mode": changes.mode}
    if changes.mode == "overwrite":
        options |= {"predicate": changes.replaced} if changes.replaced else {"schema_mode": "overwrite"}
    write_deltalake(
        opened,
        pa.RecordBatchReader.from_batches(changes.schema, iter(changes.batches)),
        partition_by=list(table.partition_by) or None,
        writer_properties=writer_properties(table, changes.row_bytes),
        commit_properties=CommitProperties(
            custom_metadata={"userMetadata": note.to_json()},
            max_commit_retries=0,
            app_transactions=[Transaction(note.flow, transaction)],
        ),
        post_commithook_properties=_HOOKS,
        **options,
    )


def _commit_replacement(
    catalog: Catalog, table: Table, replacement: Replacement, opened: DeltaTable, stamp: tuple[CommitNote, int]
) -> int:
    """Commit files that replace others."""
    (note, transaction), version = stamp, int(opened.version()) + 1
    used = {"appId": note.flow, "version": transaction, "lastUpdated": int(time.time() * 1000)}
    info = {
        "operation": "MERGE",
        "operationParameters": {"matchedBy": ",".join(table.key)},
        "operationMetrics": replacement.metrics,
        "userMetadata": note.to_json(),
    }
    create_commit(catalog, table.name, version, [{"txn": used}, *replacement.actions], info)
    checkpoint(catalog, table.name, version, opened.metadata().configuration)
    return version


def delete_rows(catalog: Catalog, table: Table, predicate: str, transaction: tuple[str, int] | None) -> None:
    """Delete the rows that fulfil a condition, in one commit that uses up a transaction's number.

    Args:
        catalog: The lake's catalog.
        table: Contract of the table, which exists.
        predicate: The condition, in DataFusion's dialect.
        transaction: Name and number, None for no transaction.

    Raises:
        LakeError: If other writers committed first each time, or the store refused.
    """
    require_atomic_commits(catalog.uri, catalog.storage_options)
    used = CommitProperties(app_transactions=[Transaction(*transaction)] if transaction else None)

    def commit() -> bool | None:
        opened = catalog.open(table.name)
        require_writable(table.name, opened.table_uri)
        none = pa.schema(opened.schema().to_arrow()).empty_table()
        try:
            with translate_write_errors(table.name):
                write_deltalake(opened, none, mode="overwrite", predicate=predicate, commit_properties=used)
        except CommitFailedError:
            return None
        return True

    retry(commit, LakeError(f"{table.name}: other writers committed first each time", "try again later"))


def append_quarantine(catalog: Catalog, rows: pa.Table, attempt: str) -> None:
    """Append quarantined rows once for an attempt; they count when a commit note names the attempt."""
    # The attempt is a digest of flow, transaction, inputs and fingerprint: a retry writes the same rows.
    append.append_once(catalog, tables.quarantine, rows, {f"quarantine:{attempt}": 1})


def writer_properties(table: Table, row_bytes: int) -> WriterProperties:
    """Return the Parquet settings of a table, from the options that its contract gives to Spark's writer."""
    options = dict(table.writer_options)
    group = int(options.get(names.GROUP_BYTES, _BYTES_OF_A_GROUP))
    group_rows = int(options.get(names.GROUP_ROWS, _ROWS_OF_A_GROUP))
    dictionary = options.get(names.DICTIONARY, "true") != "false"
    page, rows = options.get(names.PAGE_BYTES), options.get(names.PAGE_ROWS)
    columns = {
        key.removeprefix(f"{names.DICTIONARY}#"): ColumnProperties(dictionary_enabled=value != "false")
        for key, value in options.items()
        if key.startswith(f"{names.DICTIONARY}#")
    }
    return WriterProperties(
        compression=names.COMPRESSIONS[options.get(names.COMPRESSION, "snappy")],  # type: ignore[arg-type]
        max_row_group_size=max(1, min(group_rows, group // max(1, row_bytes))),
        data_page_size_limit=int(page) if page else None,
        data_page_row_count_limit=int(rows) if rows else None,
        default_column_properties=ColumnProperties(dictionary_enabled=dictionary),
        column_properties=columns or None,
    )


@contextmanager
def _committing(table: str) -> Iterator[None]:
    try:
        with translate_write_errors(table):
            yield
    except CommitFailedError as error:
        raise CollisionError(f"{table}: another run committed at the same time", "it is planned again") from error
