"""Create tables and append small commits through delta-rs, with no JVM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from lakehouse.declare.contract import STATISTICS_COLUMNS, Table
from lakehouse.declare.names import listed_names, name_list
from lakehouse.delta.catalog import FORMAT, FORMAT_PROPERTY, Catalog
from lakehouse.delta.retry import retry
from lakehouse.delta.store.conditional_put import require_atomic_commits
from lakehouse.delta.store.permissions import require_writable, translate_write_errors
from lakehouse.errors import LakeError


def create(catalog: Catalog, table: Table) -> None:
    """Create an empty table of a contract, where there is none."""
    options = catalog.storage_options
    require_atomic_commits(catalog.uri, options)
    uri = catalog.table_uri(table.name)
    if DeltaTable.is_deltatable(uri, options):
        return
    require_writable(table.name, uri)
    try:
        with translate_write_errors(table.name):
            DeltaTable.create(
                uri,
                # Only names, types and nullability go to the log: readers differ in what they make of column metadata.
                schema=pa.schema([pa.field(c.name, c.stored_type, nullable=True) for c in table.columns]),
                mode="ignore",
                partition_by=list(table.partition_by) or None,
                configuration={**table.table_properties(), FORMAT_PROPERTY: str(FORMAT)},
                storage_options=options,
                raise_if_key_not_exists=False,
                description=table.doc,
                name=table.name,
            )
    except CommitFailedError:
        # Another process created it at the same time.
        if not DeltaTable.is_deltatable(uri, options):
            raise


def append_rows(catalog: Catalog, table: Table, rows: pa.Table, *, app_id: str = "", version: int = 0) -> int:
    """Append rows to a ledger table, with no JVM.

    Args:
        catalog: The lake's catalog.
        table: Contract of the ledger table; it is created where it is missing.
        rows: The rows, with the contract's columns in any order.
        app_id: Name of an idempotent transaction, empty for none.
        version: Its number: rows of a number up to the last one committed are not appended again.

    Returns:
        The table's version afterwards.

    Raises:
        LakeError: If other writers committed first each time, or the store refused.
    """
    append_once(catalog, table, rows, {app_id: version} if app_id else {})
    return int(catalog.open(table.name).version())


def append_once(catalog: Catalog, table: Table, rows: pa.Table, transactions: Mapping[str, int]) -> bool:
    """Append rows to a ledger table in one commit that uses up the numbers of several transactions.

    Args:
        catalog: The lake's catalog.
        table: Contract of the ledger table; it is created where it is missing, and gains columns that it lacks.
        rows: The rows, with the contract's columns in any order; none for a commit that only uses up numbers.
        transactions: Number by name. Of two writers that use one number, one wins.

    Returns:
        Whether the rows were committed: not if one of the numbers, or a later one, was used before.

    Raises:
        LakeError: If other writers committed first each time, or the store refused.
    """
    ready = pa.table(
        [rows.column(c.name).cast(c.stored_type) for c in table.columns], names=[c.name for c in table.columns]
    )
    create(catalog, table)
    used = CommitProperties(app_transactions=[Transaction(*item) for item in transactions.items()] or None)

    def commit() -> bool | None:
        current = catalog.open(table.name)
        done = {name: current.transaction_version(name) for name in transactions}
        if any(number is not None and number >= transactions[name] for name, number in done.items()):
            return False
        lacks = {column.name for column in table.columns} - {field.name for field in current.schema().fields}
        require_writable(table.name, current.table_uri)
        schema_mode: Literal["merge"] | None = "merge" if lacks else None
        try:
            with translate_write_errors(table.name):
                write_deltalake(current, ready, mode="append", schema_mode=schema_mode, commit_properties=used)
        except CommitFailedError:
            return None
        return True

    conflict = LakeError(
        f"{table.name} could not be written: other writers committed first each time", "try again later"
    )
    return retry(commit, conflict)


def add_columns(catalog: Catalog, table: Table, names: Iterable[str]) -> None:
    """Add columns to a stored table that its contract has gained; they are null in its rows."""
    schema = Schema.from_arrow(pa.schema([pa.field(name, table.column(name).stored_type) for name in names]))
    opened = catalog.open(table.name)
    stored = {field.name for field in opened.schema().fields}
    fields = [Field(item.name, item.type, nullable=True) for item in schema.fields if item.name not in stored]
    if fields:
        opened.alter.add_columns(fields)
    set_properties(catalog, table)


def set_properties(catalog: Catalog, table: Table) -> None:
    """Set a table's properties to those of its contract, as far as its stored columns allow."""
    opened = catalog.open(table.name)
    declared = table.table_properties()
    stored = {field.name for field in opened.schema().fields}
    declared[STATISTICS_COLUMNS] = name_list(
        name for name in listed_names(declared[STATISTICS_COLUMNS]) if name in stored
    )
    current = opened.metadata().configuration
    changed = {key: value for key, value in declared.items() if current.get(key) != value}
    if changed:
        opened.alter.set_table_properties(changed, raise_if_not_exists=False)
