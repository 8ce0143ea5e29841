"""The one place that writes Delta.

A flow's rows and its note land in one commit, made once: ``txnAppId`` is the flow and ``txnVersion`` its
last transaction number plus one. Delta skips a number that was used already without a word, so that after
writing the engine looks for its own ``run_id`` in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.delta.append import create
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.history import commits_with_notes
from lakehouse.errors import CollisionError, no_space
from lakehouse.spark.key_range import Span

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

log = logging.getLogger("mixlake.commit")

ACTION = "_action"
QUARANTINE_APP = "mixlake.retractions"
_CONCURRENT = ("DELTA_CONCURRENT", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED")


def write(  # noqa: PLR0913 - what one commit is
    session: SparkSession,
    catalog: Catalog,
    table: Table,
    rows: DataFrame,
    *,
    mode: str,
    note: CommitNote,
    transaction: int,
    spans: Mapping[str, Span] | None = None,
) -> int:
    """Commit a flow's rows with its note.

    Args:
        session: The flow's own session; a MERGE's note and transaction are settings of it.
        catalog: The lake's catalog.
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
            _merge(session, catalog.table_uri(table.name), table, rows, note, transaction, spans or {})
        else:
            writer = rows.select(*[column.name for column in table.columns]).write.format("delta").mode(mode)
            for key, value in _transaction(note, transaction):
                writer = writer.option(key, value)
            if mode == "overwrite":
                writer = writer.option("overwriteSchema", "true").partitionBy(*table.partition_by)
            writer.save(catalog.table_uri(table.name))
    return _landed(catalog, table.name, note, transaction)


def replace_where(  # noqa: PLR0913 - what one commit is
    catalog: Catalog, table: Table, rows: DataFrame, where: str, *, note: CommitNote, transaction: int
) -> int:
    """Commit rows in the place of those that a condition names, all at once.

    Args:
        catalog: The lake's catalog.
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
        writer.option("replaceWhere", where).save(catalog.table_uri(table.name))
    return _landed(catalog, table.name, note, transaction)


def _landed(catalog: Catalog, table: str, note: CommitNote, transaction: int) -> int:
    version = find(catalog, table, note)
    if version is None:
        raise CollisionError(f"{table}: another run committed transaction {transaction}", "it is planned again")
    return version


def find(catalog: Catalog, table: str, note: CommitNote) -> int | None:
    """Return the version whose note is the given run's and flow's, looking at the newest commits."""
    for version, _, found in commits_with_notes(catalog.open(table), 50):
        if found.run_id == note.run_id and found.flow == note.flow and found.started == note.started:
            return version
    return None


def append_quarantine(catalog: Catalog, table: Table, rows: DataFrame, attempt: str) -> None:
    """Append quarantined rows once for an attempt; they count when a commit note names the attempt."""
    create(catalog, table)
    writer = rows.select(*[column.name for column in table.columns]).write.format("delta").mode("append")
    # The attempt is a digest of flow, transaction, inputs and fingerprint: a retry writes the same rows.
    with committing(table.name):
        writer.option("txnAppId", f"quarantine:{attempt}").option("txnVersion", "1").save(catalog.table_uri(table.name))


def delete_quarantined(  # noqa: PLR0913 - what one commit is
    session: SparkSession, catalog: Catalog, table: Table, rows: DataFrame, *, app: str, number: int
) -> None:
    """Delete quarantined rows that retractions take out, as one transaction a retraction.

    Args:
        session: A session of its own; the transaction is a setting of it.
        catalog: The lake's catalog.
        table: Contract of the quarantine.
        rows: attempt, reason and row of what is to go.
        app: Name of the transaction.
        number: Its number, such as the ordinal of the newest retraction.
    """
    from delta.tables import DeltaTable as SparkDeltaTable

    names = ("attempt", "reason", "row")
    with committing(table.name), _as(session, app, number):
        (
            SparkDeltaTable.forPath(session, catalog.table_uri(table.name))
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


def _transaction(note: CommitNote, transaction: int) -> tuple[tuple[str, str], ...]:
    return (("txnAppId", note.flow), ("txnVersion", str(transaction)), ("userMetadata", note.to_json()))


def _merge(  # noqa: PLR0913, PLR0917
    session: SparkSession,
    uri: str,
    table: Table,
    rows: DataFrame,
    note: CommitNote,
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
