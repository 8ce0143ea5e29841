"""Entries of ``ledger.edges`` made and written with Spark."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.schema_drift import fits
from lakehouse.ledger import tables
from lakehouse.lineage.index.entries import ADDED, ENTRY, Level, Sources
from lakehouse.lineage.reader import DETAILS
from lakehouse.spark import delta_writer
from lakehouse.spark.delta_reader import CHANGE, spark_schema
from lakehouse.spark.delta_writer import CommitStamp
from lakehouse.spark.rows_to_write import RowsToWrite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# A lookup of however many ids opens few files, up to 10^8 edges; one task sorts that many entries.
ROWS_PER_FILE = 32_000_000
# Fewer entries do not pay for another task.
ROWS_PER_TASK = 250_000

# One row gives itself, in the order of child, and an edge for each of its parents in both orders.
_ENTRIES = """
inline(concat(
    array(named_struct(
        'sorted_by', 'child', 'parent', CAST(NULL AS STRING),
        'run_id', run_id, 'source', source, 'license', license, 'uri', uri)),
    flatten(transform(parent_ids, p -> transform(array('child', 'parent'), o -> named_struct(
        'sorted_by', o, 'parent', p,
        'run_id', CAST(NULL AS STRING), 'source', CAST(NULL AS STRING), 'license', CAST(NULL AS STRING),
        'uri', CAST(NULL AS STRING)))))
))
"""


class SparkIndexEngine:
    """Implements `lakehouse.lineage.index.entries.IndexEngine`.

    Args:
        root: The Spark session; the index gets one of its own.
        catalog: The lake's catalog.
    """

    name = "spark"

    def __init__(self, root: SparkSession, catalog: Catalog) -> None:
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException

        self.feed_errors: tuple[type[Exception], ...] = (PySparkException, Py4JJavaError)
        self._session = root.newSession()
        self._catalog = catalog
        delta_writer.writer_settings(self._session, tables.edges)

    @contextmanager
    def new_entries(self, sources: Sources) -> Iterator[SparkEntries]:
        """Compute new entries, onto the workers' disks."""
        from pyspark import StorageLevel

        rows = _new_entries(self._session, self._catalog, sources).persist(StorageLevel.DISK_ONLY)
        try:
            yield SparkEntries(self._catalog, sources, rows)
        finally:
            rows.unpersist()


class SparkEntries:
    """Implements `lakehouse.lineage.index.entries.NewEntries`.

    Args:
        catalog: The lake's catalog.
        sources: What they were made from.
        rows: The entries.
    """

    def __init__(self, catalog: Catalog, sources: Sources, rows: DataFrame) -> None:
        self._catalog = catalog
        self._sources = sources
        self._rows = rows
        self.count = rows.count()

    def commit(self, level: Level, note: CommitNote, transaction: int) -> int:
        """Commit them as a level."""
        session = self._rows.sparkSession
        entries = self._rows
        if level.merges:
            stored = _stored(session, self._catalog, self._sources).where(f"level >= {level.number}")
            entries = entries.unionByName(stored.drop("level"))
        arranged = _arranged(session, entries, level)
        stamp = CommitStamp(note, transaction)
        if not fits(self._catalog.open(tables.edges.name), tables.edges):
            rows = RowsToWrite("overwrite", arranged)
            return delta_writer.write(session, self._catalog, tables.edges, rows, stamp)
        return delta_writer.replace_where(self._catalog, tables.edges, arranged, f"level >= {level.number}", stamp)


def _new_entries(session: SparkSession, catalog: Catalog, sources: Sources) -> DataFrame:
    """Return the entries to add, each with its count; the same entry may come several times."""
    from pyspark.sql import functions as F

    versions, columns = sources.state.versions, sources.state.columns
    parts = []
    for name, first in sources.feeds.items():
        feed = (
            session.read.format("delta")
            .option("readChangeFeed", "true")
            .option("startingVersion", first)
            .option("endingVersion", versions[name])
            .load(catalog.table_uri(name))
        )
        count = F.when(F.col(CHANGE).isin(*ADDED), 1).otherwise(-1)
        parts.append(_lineage(feed.withColumn("_n", count), columns[name], name))
    for name in sorted(sources.whole):
        read = session.read.format("delta").option("versionAsOf", versions[name])
        rows = read.load(catalog.table_uri(name)).withColumn("_n", F.lit(1))
        parts.append(_lineage(rows, columns[name], name))
    made = [part.selectExpr("child", "`table`", "n", _ENTRIES).select(*ENTRY, "n") for part in parts]
    if not sources.rebuild and sources.dropped:
        dropped = _stored(session, catalog, sources).where(F.col("table").isin(*sorted(sources.dropped)))
        made.append(dropped.withColumn("n", -F.col("n")).select(*ENTRY, "n"))
    if not made:
        return session.createDataFrame([], spark_schema(tables.edges.schema)).select(*ENTRY, "n")
    return functools.reduce(lambda one, other: one.unionByName(other), made)


def _lineage(rows: DataFrame, present: Collection[str], name: str) -> DataFrame:
    """Select a row's lineage columns, under the same names and types in all tables."""
    from pyspark.sql import functions as F

    details = [(F.col(c).cast("string") if c in present else F.lit(None).cast("string")).alias(c) for c in DETAILS]
    none = F.array().cast("array<string>")
    parents = F.coalesce(F.col("parent_ids").cast("array<string>"), none) if "parent_ids" in present else none
    return rows.where(F.col(SAMPLE_ID).isNotNull()).select(
        F.col(SAMPLE_ID).cast("string").alias("child"),
        F.lit(name).alias("table"),
        F.col("_n").cast("int").alias("n"),
        F.array_compact(parents).alias("parent_ids"),
        *details,
    )


def _stored(session: SparkSession, catalog: Catalog, sources: Sources) -> DataFrame:
    if sources.state.edges is None:
        message = "ledger.edges does not exist"
        raise ValueError(message)
    read = session.read.format("delta").option("versionAsOf", int(sources.state.edges.version()))
    return read.load(catalog.table_uri(tables.edges.name))


def _arranged(session: SparkSession, entries: DataFrame, level: Level) -> DataFrame:
    """Add up equal entries to a level, in files of ranges of ids, sorted: one shuffle."""
    from pyspark.sql import functions as F

    key = F.when(F.col("sorted_by") == "parent", F.col("parent")).otherwise(F.col("child"))
    tasks = max(
        -(-level.rows // ROWS_PER_FILE), min(session.sparkContext.defaultParallelism, level.rows // ROWS_PER_TASK)
    )
    keyed = entries.withColumn("_key", key)
    # Ranges are found by a sample, which is another reading of what is to be written.
    ranges = keyed.repartitionByRange(tasks, "sorted_by", "_key") if tasks > 1 else keyed.coalesce(1)
    summed = ranges.groupBy("_key", *ENTRY).agg(F.sum("n").cast("int").alias("n")).where("n <> 0")
    ordered = summed.withColumn("level", F.lit(level.number).cast("int"))
    # The partition columns come first, or the writer would sort again by them alone.
    return ordered.sortWithinPartitions("level", "sorted_by", "_key", "parent", "child", "table").drop("_key")
