"""Commit through Spark's Delta writer: the one module that does.

A flow's rows and its note land in one commit, made once: ``txnAppId`` is the flow and ``txnVersion`` its
last transaction number plus one. Delta silently skips a number that was used already, so that after
writing the engine looks for its own ``run_id`` in the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.delta import append
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.history import commits_with_notes
from lakehouse.delta.table_errors import no_space
from lakehouse.errors import CollisionError
from lakehouse.ledger import tables
from lakehouse.spark.key_range import within
from lakehouse.spark.rows_to_write import ACTION, RowsToWrite

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, DataFrameWriter, SparkSession


_CONCURRENT = ("DELTA_CONCURRENT", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED")


@dataclass(frozen=True)
class CommitStamp:
    """What a commit carries in addition to its rows.

    Args:
        note: The commit note; its flow names the transaction.
        transaction: The transaction's number.
    """

    note: CommitNote
    transaction: int

    @property
    def options(self) -> dict[str, str]:
        """The options of a Delta writer that carry it."""
        return {
            "txnAppId": self.note.flow,
            "txnVersion": str(self.transaction),
            "userMetadata": self.note.to_json(),
        }


def write(session: SparkSession, catalog: Catalog, table: Table, changes: RowsToWrite, stamp: CommitStamp) -> int:
    """Commit a flow's rows with its note.

    Args:
        session: The flow's own session; a MERGE's note and transaction are settings of it.
        catalog: The lake's catalog.
        table: Contract of the written table, which exists.
        changes: The rows, and how they are written.
        stamp: The note, and the transaction's number.

    Returns:
        The version that holds the commit.

    Raises:
        CollisionError: If another run used the number, or changed the table meanwhile.
        LakeError: If the store refused.
    """
    with committing(table.name):
        if changes.mode == "merge":
            _merge(session, catalog.table_uri(table.name), table, changes, stamp)
        else:
            writer = _writer(table, changes.rows, changes.mode, stamp)
            if changes.mode == "overwrite":
                writer = writer.option("overwriteSchema", "true").partitionBy(*table.partition_by)
            writer.save(catalog.table_uri(table.name))
    return _committed_version(catalog, table.name, stamp)


def replace_where(catalog: Catalog, table: Table, rows: DataFrame, where: str, stamp: CommitStamp) -> int:
    """Replace the rows that a condition selects, in one commit.

    Args:
        catalog: The lake's catalog.
        table: Contract of the written table, which exists.
        rows: The new rows; all of them fulfil the condition.
        where: Condition over partition columns, so that no file is read to find what it names.
        stamp: The note, and the transaction's number.

    Returns:
        The version that holds the commit.

    Raises:
        CollisionError: If another run used the number, or changed the table meanwhile.
        LakeError: If the store refused.
    """
    with committing(table.name):
        writer = _writer(table, rows, "overwrite", stamp).option("replaceWhere", where)
        writer.save(catalog.table_uri(table.name))
    return _committed_version(catalog, table.name, stamp)


def _writer(table: Table, rows: DataFrame, mode: str, stamp: CommitStamp) -> DataFrameWriter:
    columns = [column.name for column in table.columns]
    return rows.select(*columns).write.format("delta").mode(mode).options(**stamp.options)


def _committed_version(catalog: Catalog, table: str, stamp: CommitStamp) -> int:
    version = find_commit(catalog, table, stamp.note)
    if version is None:
        raise CollisionError(f"{table}: another run committed transaction {stamp.transaction}", "it is planned again")
    return version


def find_commit(catalog: Catalog, table: str, note: CommitNote) -> int | None:
    """Return the version whose note is the given run's and flow's, looking at the newest commits."""
    for version, _, found in commits_with_notes(catalog.open(table), 50):
        if found.run_id == note.run_id and found.flow == note.flow and found.started == note.started:
            return version
    return None


def append_quarantine(catalog: Catalog, rows: DataFrame, attempt: str) -> None:
    """Append quarantined rows once for an attempt; they count when a commit note names the attempt."""
    table = tables.quarantine
    append.create(catalog, table)
    writer = rows.select(*[column.name for column in table.columns]).write.format("delta").mode("append")
    # The attempt is a digest of flow, transaction, inputs and fingerprint: a retry writes the same rows.
    with committing(table.name):
        writer.option("txnAppId", f"quarantine:{attempt}").option("txnVersion", "1").save(catalog.table_uri(table.name))


def writer_settings(session: SparkSession, table: Table) -> None:
    """Make a table's writer options settings of a session.

    Delta passes few options of a writer on, and a MERGE takes none.
    """
    for key, value in table.writer_options:
        session.conf.set("spark.sql.parquet.compression.codec" if key == "compression" else key, value)


@contextmanager
def committing(table: str) -> Iterator[None]:
    """Distinguish conflicts with other writers from errors."""
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
def _merge_settings(session: SparkSession, options: Mapping[str, str]) -> Iterator[None]:
    """Let a MERGE, which takes no options, use up a transaction's number and carry a note."""
    settings = {
        f"spark.databricks.delta.{'commitInfo' if key == 'userMetadata' else 'write'}.{key}": value
        for key, value in options.items()
    }
    try:
        for key, value in settings.items():
            session.conf.set(key, value)
        yield
    finally:
        for key in settings:
            session.conf.unset(key)


def _merge(session: SparkSession, uri: str, table: Table, changes: RowsToWrite, stamp: CommitStamp) -> None:
    from delta.tables import DeltaTable as SparkDeltaTable
    from pyspark.sql import functions as F

    values: dict[str, str | Column] = {f"`{c.name}`": f"s.`{c.name}`" for c in table.columns}
    on = F.expr(" AND ".join(f"t.`{key}` <=> s.`{key}`" for key in table.key))
    for key, bounds in changes.key_ranges.items():
        on &= within(F.col(f"t.`{key}`"), bounds)
    with _merge_settings(session, stamp.options):
        (
            SparkDeltaTable.forPath(session, uri)
            .alias("t")
            .merge(changes.rows.alias("s"), on)
            .whenMatchedDelete(f"s.`{ACTION}` = 'D'")
            .whenMatchedUpdate(set=values)
            .whenNotMatchedInsert(f"s.`{ACTION}` <> 'D'", values=values)
            .execute()
        )
