"""The one place that writes Delta.

A flow's rows and its note land in one commit, made once: ``txnAppId`` is the flow and ``txnVersion`` its
last transaction number plus one. Delta skips a number that was used already without a word, so that after
writing the engine looks for its own ``run_id`` in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from lakehouse.contract import Table
from lakehouse.errors import CollisionError, LakeError, no_space
from lakehouse.history import noted
from lakehouse.lake import FORMAT, FORMAT_PROPERTY, Lake, open_table, table_uri
from lakehouse.note import Note
from lakehouse.objectstore.probe import require_atomic_commits
from lakehouse.rights import require_writable, writing
from lakehouse.span import Span

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

log = logging.getLogger("mixlake.commit")

ACTION = "_action"
QUARANTINE_APP = "mixlake.retractions"
_RETRIES = 20
_CONCURRENT = ("DELTA_CONCURRENT", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED")
_STATISTICS = "delta.dataSkippingStatsColumns"


def create(lake: str, table: Table, storage_options: dict[str, str] | None = None) -> None:
    """Create an empty table of a contract, where there is none."""
    properties = {**table.table_properties(), FORMAT_PROPERTY: str(FORMAT)}
    require_atomic_commits(lake, storage_options)
    # Only names, types and nullability go to the log: readers differ in what they make of column metadata.
    uri = table_uri(lake, table.name)
    if DeltaTable.is_deltatable(uri, storage_options):
        return
    require_writable(table.name, uri)
    try:
        with writing(table.name):
            _create(uri, table, properties, storage_options)
    except CommitFailedError:
        # Another process created it at the same time.
        if not DeltaTable.is_deltatable(uri, storage_options):
            raise


def _create(uri: str, table: Table, properties: dict[str, str], storage_options: dict[str, str] | None) -> None:
    DeltaTable.create(
        uri,
        schema=pa.schema([pa.field(c.name, c.type, nullable=True) for c in table.columns]),
        mode="ignore",
        partition_by=list(table.partition_by) or None,
        configuration=properties,
        storage_options=storage_options,
        raise_if_key_not_exists=False,
        description=table.doc,
        name=table.name,
    )


def append_rows(  # noqa: PLR0913
    lake: str,
    table: Table,
    rows: pa.Table,
    *,
    app_id: str = "",
    version: int = 0,
    storage_options: dict[str, str] | None = None,
) -> int:
    """Append rows to a ledger table, with no JVM.

    Args:
        lake: The lake's place.
        table: Contract of the ledger table; it is created where it is missing.
        rows: The rows, with the contract's columns in any order.
        app_id: Name of an idempotent transaction, empty for none.
        version: Its number: rows of a number up to the last one committed are not appended again.
        storage_options: Options of the object store.

    Returns:
        The table's version afterwards.

    Raises:
        LakeError: If other writers kept winning, or the store refused.
    """
    append_once(lake, table, rows, {app_id: version} if app_id else {}, storage_options)
    return int(open_table(lake, table.name, None, storage_options).version())


def append_once(
    lake: str,
    table: Table,
    rows: pa.Table,
    transactions: Mapping[str, int],
    storage_options: dict[str, str] | None = None,
) -> bool:
    """Append rows to a ledger table in one commit that uses up the numbers of several transactions.

    Args:
        lake: The lake's place.
        table: Contract of the ledger table; it is created where it is missing, and gains columns that it lacks.
        rows: The rows, with the contract's columns in any order; none for a commit that only uses up numbers.
        transactions: Number by name. Of two writers that use one number, one wins.
        storage_options: Options of the object store.

    Returns:
        Whether the rows were committed: not if one of the numbers, or a later one, was used before.

    Raises:
        LakeError: If other writers kept winning, or the store refused.
    """
    ready = pa.table([rows.column(c.name).cast(c.type) for c in table.columns], names=[c.name for c in table.columns])
    create(lake, table, storage_options)
    used = CommitProperties(app_transactions=[Transaction(*item) for item in transactions.items()] or None)
    for _ in range(_RETRIES):
        current = open_table(lake, table.name, None, storage_options)
        done = {name: current.transaction_version(name) for name in transactions}
        if any(number is not None and number >= transactions[name] for name, number in done.items()):
            return False
        lacks = {column.name for column in table.columns} - {held.name for held in current.schema().fields}
        require_writable(table.name, current.table_uri)
        schema_mode: Literal["merge"] | None = "merge" if lacks else None
        try:
            with writing(table.name):
                write_deltalake(current, ready, mode="append", schema_mode=schema_mode, commit_properties=used)
        except CommitFailedError:
            continue
        return True
    raise LakeError(f"{table.name} could not be written: other writers kept winning", "try again later")


def add_columns(lake: Lake, table: Table, names: Iterable[str]) -> None:
    """Give a stored table columns that its contract has gained; its rows hold null there."""
    from deltalake import Field

    schema = Schema.from_arrow(pa.schema([pa.field(name, table.column(name).type) for name in names]))
    held = lake.open(table.name)
    stored = {field.name for field in held.schema().fields}
    fields = [Field(item.name, item.type, nullable=True) for item in schema.fields if item.name not in stored]
    if fields:
        held.alter.add_columns(fields)
    set_properties(lake, table)


def set_properties(lake: Lake, table: Table) -> None:
    """Bring a table's properties up to its contract, as far as its stored columns allow."""
    held = lake.open(table.name)
    wanted = table.table_properties()
    stored = {field.name for field in held.schema().fields}
    statistics = [name for name in wanted[_STATISTICS].split(",") if name in stored]
    wanted[_STATISTICS] = ",".join(statistics)
    now = held.metadata().configuration
    changed = {key: value for key, value in wanted.items() if now.get(key) != value}
    if changed:
        held.alter.set_table_properties(changed, raise_if_not_exists=False)


def write(  # noqa: PLR0913 - what one commit is
    session: SparkSession,
    lake: Lake,
    table: Table,
    rows: DataFrame,
    *,
    mode: str,
    note: Note,
    transaction: int,
    spans: Mapping[str, Span] | None = None,
) -> int:
    """Commit a flow's rows with its note.

    Args:
        session: The flow's own session; a MERGE's note and transaction are settings of it.
        lake: The lake.
        table: Contract of the written table, which exists.
        rows: For "append" and "overwrite" the rows; for "merge" the changed rows with a column
            ``_action``: I, U or D, where of a D only the key counts.
        mode: append, overwrite or merge.
        note: The commit note.
        transaction: The flow's transaction number.
        spans: For "merge" where the rows' keys lie, by column: a MERGE looks at no file outside.

    Returns:
        The version that holds the commit.

    Raises:
        CollisionError: If another run used the number, or changed the table meanwhile.
        LakeError: If the store refused.
    """
    with committing(table.name):
        if mode == "merge":
            _merge(session, lake.table_uri(table.name), table, rows, note, transaction, spans or {})
        else:
            writer = rows.select(*[column.name for column in table.columns]).write.format("delta").mode(mode)
            for key, value in _transaction(note, transaction):
                writer = writer.option(key, value)
            if mode == "overwrite":
                writer = writer.option("overwriteSchema", "true").partitionBy(*table.partition_by)
            writer.save(lake.table_uri(table.name))
    return _landed(lake, table.name, note, transaction)


def replace_where(  # noqa: PLR0913 - what one commit is
    lake: Lake, table: Table, rows: DataFrame, where: str, *, note: Note, transaction: int
) -> int:
    """Commit rows in the place of those that a condition names, all at once.

    Args:
        lake: The lake.
        table: Contract of the written table, which exists.
        rows: The new rows; all of them fulfil the condition.
        where: Condition over partition columns, so that no file is read to find what it names.
        note: The commit note; its flow names the transaction.
        transaction: The transaction's number.

    Returns:
        The version that holds the commit.

    Raises:
        CollisionError: If another run used the number, or changed the table meanwhile.
        LakeError: If the store refused.
    """
    with committing(table.name):
        writer = rows.select(*[column.name for column in table.columns]).write.format("delta").mode("overwrite")
        for key, value in _transaction(note, transaction):
            writer = writer.option(key, value)
        writer.option("replaceWhere", where).save(lake.table_uri(table.name))
    return _landed(lake, table.name, note, transaction)


def _landed(lake: Lake, table: str, note: Note, transaction: int) -> int:
    version = find(lake, table, note)
    if version is None:
        raise CollisionError(f"{table}: another run committed transaction {transaction}", "it is planned again")
    return version


def find(lake: Lake, table: str, note: Note) -> int | None:
    """Return the version whose note is the given run's and flow's, looking at the newest commits."""
    for version, _, found in noted(lake.open(table), 50):
        if found.run_id == note.run_id and found.flow == note.flow and found.started == note.started:
            return version
    return None


def append_quarantine(lake: Lake, table: Table, rows: DataFrame, attempt: str) -> None:
    """Append quarantined rows once for an attempt; they count when a commit note names the attempt."""
    create(lake.uri, table, lake.storage_options)
    writer = rows.select(*[column.name for column in table.columns]).write.format("delta").mode("append")
    # The attempt is a digest of flow, transaction, inputs and fingerprint: a retry writes the same rows.
    with committing(table.name):
        writer.option("txnAppId", f"quarantine:{attempt}").option("txnVersion", "1").save(lake.table_uri(table.name))


def delete_quarantined(  # noqa: PLR0913 - what one commit is
    session: SparkSession, lake: Lake, table: Table, rows: DataFrame, *, app: str, number: int
) -> None:
    """Delete quarantined rows that retractions take out, as one transaction a retraction.

    Args:
        session: A session of its own; the transaction is a setting of it.
        lake: The lake.
        table: Contract of the quarantine.
        rows: attempt, reason and row of what is to go.
        app: Name of the transaction.
        number: Its number, such as the ordinal of the newest retraction.
    """
    from delta.tables import DeltaTable as SparkDeltaTable

    names = ("attempt", "reason", "row")
    with committing(table.name), _as(session, app, number):
        (
            SparkDeltaTable.forPath(session, lake.table_uri(table.name))
            .alias("t")
            .merge(rows.distinct().alias("s"), " AND ".join(f"t.`{name}` <=> s.`{name}`" for name in names))
            .whenMatchedDelete()
            .execute()
        )


def writer_settings(session: SparkSession, table: Table) -> None:
    """Make a table's writer options settings of a session.

    Delta passes few options of a writer on, and a MERGE takes none.
    """
    for key, value in table.writer_options:
        session.conf.set("spark.sql.parquet.compression.codec" if key == "compression" else key, value)


@contextmanager
def committing(table: str) -> Iterator[None]:
    """Tell apart what another writer did from what is wrong."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        text = str(error)
        if any(word in text for word in _CONCURRENT) or "Concurrent" in text.split("\n", 1)[0]:
            raise CollisionError(f"{table}: another run committed at the same time", "it is planned again") from error
        if "No space left" in text:
            raise no_space(table) from error
        raise


@contextmanager
def _as(session: SparkSession, app: str, number: int, metadata: str = "") -> Iterator[None]:
    """Let a MERGE, which takes no options, use up a transaction's number and carry a note."""
    settings = {"write.txnAppId": app, "write.txnVersion": str(number)}
    if metadata:
        settings["commitInfo.userMetadata"] = metadata
    try:
        for key, value in settings.items():
            session.conf.set(f"spark.databricks.delta.{key}", value)
        yield
    finally:
        for key in settings:
            session.conf.unset(f"spark.databricks.delta.{key}")


def _transaction(note: Note, transaction: int) -> tuple[tuple[str, str], ...]:
    return (("txnAppId", note.flow), ("txnVersion", str(transaction)), ("userMetadata", note.to_json()))


def _merge(  # noqa: PLR0913, PLR0917
    session: SparkSession,
    uri: str,
    table: Table,
    rows: DataFrame,
    note: Note,
    transaction: int,
    spans: Mapping[str, Span],
) -> None:
    from delta.tables import DeltaTable as SparkDeltaTable
    from pyspark.sql import functions as F

    values: dict[str, str | Column] = {f"`{c.name}`": f"s.`{c.name}`" for c in table.columns}
    on = F.expr(" AND ".join(f"t.`{key}` <=> s.`{key}`" for key in table.key))
    for key, span in spans.items():
        on &= span.holds(F.col(f"t.`{key}`"))
    with _as(session, note.flow, transaction, note.to_json()):
        (
            SparkDeltaTable.forPath(session, uri)
            .alias("t")
            .merge(rows.alias("s"), on)
            .whenMatchedDelete(f"s.`{ACTION}` = 'D'")
            .whenMatchedUpdate(set=values)
            .whenNotMatchedInsert(f"s.`{ACTION}` <> 'D'", values=values)
            .execute()
        )
