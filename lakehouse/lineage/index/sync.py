"""Update ``ledger.edges`` from the tables with Spark: what changed since its last commit, in one commit.

Changes come from the tables' change feeds, from the version that the last commit's note names. What a
kill between a flow's commit and this one left out is thus added the next time. Where a feed cannot be read, the table's
entries are removed and made from its rows again.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from lakehouse.delta import append
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.retry import retry
from lakehouse.delta.schema_drift import fits
from lakehouse.errors import CollisionError, first_line
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import load_retractions
from lakehouse.lineage.index.levels import first_replaced, level_sizes
from lakehouse.lineage.index.state import FLOW, FORMAT, SAMPLE_ID, IndexState, index_state
from lakehouse.lineage.reader import DETAILS
from lakehouse.spark import delta_writer
from lakehouse.spark.delta_reader import CHANGE, spark_schema
from lakehouse.spark.delta_writer import CommitStamp
from lakehouse.spark.rows_to_write import RowsToWrite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("mixlake.edges")

# A lookup of however many ids opens few files, up to 10^8 edges; one task sorts that many entries.
ROWS_PER_FILE = 32_000_000
# Fewer entries do not pay for another task.
ROWS_PER_TASK = 250_000

_ATTEMPTS = 3
_UP_TO_DATE = -1
_ENTRY = [column.name for column in tables.edges.columns if column.name not in {"level", "n"}]
_ADDED = ("insert", "update_postimage")

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


@dataclass(frozen=True)
class _Work:
    """What a sync reads.

    Args:
        feeds: Tables whose change feed is read, with the version to start from.
        whole: Tables whose rows are all read.
        dropped: Tables whose entries are removed.
        merged: Whether all levels become one, so that no removed entry remains.
    """

    feeds: dict[str, int] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    merged: bool = False


def sync_edges(root: SparkSession, catalog: Catalog, run_id: str) -> int | None:
    """Update ``ledger.edges`` to the tables' latest versions.

    Args:
        root: The Spark session; the sync gets one of its own.
        catalog: The lake's catalog.
        run_id: The run, for the commit's note.

    Returns:
        The committed version; None where the index was up to date, and no Spark job was run.

    Raises:
        CollisionError: If other runs kept committing first.
        LakeError: If the store refused a commit.
    """
    conflict = CollisionError(
        f"other runs updated {tables.edges.name} first, {_ATTEMPTS} times", "run again once they have ended"
    )
    version = retry(lambda: _attempt(root, catalog, run_id), conflict, _ATTEMPTS)
    return None if version == _UP_TO_DATE else version


def is_fully_merged(catalog: Catalog) -> bool:
    """Whether the index, if there is one, has entries only of rows that the tables have now."""
    if not catalog.has(tables.edges.name):
        return True
    state = index_state(catalog)
    return state.current and state.edges is not None and len(level_sizes(state.edges)) < 2


def _needs_full_merge(catalog: Catalog, state: IndexState) -> bool:
    """Whether rows are to be purged whose entries cancel out, and are still stored."""
    # What this sync adds becomes a level beside even a single one.
    if state.edges is None or (state.current and len(level_sizes(state.edges)) < 2):
        return False
    return any(order.to_purge for order in load_retractions(catalog).orders)


def _attempt(root: SparkSession, catalog: Catalog, run_id: str) -> int | None:
    """Compare the index with the tables, and update it.

    Returns:
        The committed version, `_UP_TO_DATE` if there was nothing to do, None if another run committed first.
    """
    state = index_state(catalog)
    merged = _needs_full_merge(catalog, state)
    if (state.current and not merged) or (state.edges is None and not state.tables):
        return _UP_TO_DATE
    try:
        return _sync(root, catalog, state, run_id, merged=merged)
    except CollisionError as error:
        log.info("%s", error)
        return None


def _sync(root: SparkSession, catalog: Catalog, state: IndexState, run_id: str, *, merged: bool) -> int:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    inputs = state.note.inputs if state.note else {}
    feeds = {name: inputs[name] + 1 for name in sorted(state.changed)}
    work = _Work(feeds, state.unknown, state.gone, merged)
    session = root.newSession()
    delta_writer.writer_settings(session, tables.edges)
    try:
        return _write(session, catalog, state, work, run_id)
    except CollisionError:
        raise
    except (PySparkException, Py4JJavaError) as error:
        if not feeds:
            raise
        log.info("the changes of %s cannot be read, so all rows are: %s", ", ".join(feeds), first_line(error, 200))
    again = frozenset(feeds)
    work = _Work({}, state.unknown | again, state.gone | again, merged)
    return _write(session, catalog, state, work, run_id)


def _write(session: SparkSession, catalog: Catalog, state: IndexState, work: _Work, run_id: str) -> int:
    """Make the entries, merge the smaller levels into them, and commit."""
    from pyspark import StorageLevel

    began, clock = datetime.now(UTC).isoformat(), monotonic()
    known = frozenset(state.note.inputs) if state.note else frozenset()
    rebuild = known <= work.dropped
    new = _new_entries(session, catalog, state, work, rebuild=rebuild).persist(StorageLevel.DISK_ONLY)
    try:
        count = new.count()
        sizes = [] if rebuild or state.edges is None else level_sizes(state.edges)
        level = 0 if work.merged else first_replaced(sizes, count)
        rows = count + sum(sizes[level:])
        entries = new
        if level < len(sizes):
            entries = new.unionByName(_stored(session, catalog, state).where(f"level >= {level}").drop("level"))
        version = int(state.edges.version()) if state.edges is not None else -1
        note = CommitNote(
            run_id=run_id,
            flow=FLOW,
            kind="frame",
            mode="full" if rebuild else "incremental",
            code=FORMAT,
            params="{}",
            contract=tables.edges.fingerprint(),
            inputs=state.versions,
            ids=state.ids,
            changed=True,
            counts={"read": count, "rows": rows, "level": level},
            digest="",
            started=began,
            seconds=round(monotonic() - clock, 3),
        )
        return _commit(catalog, _arranged(session, entries, rows, level), level, note, version)
    finally:
        new.unpersist()


def _commit(catalog: Catalog, entries: DataFrame, level: int, note: CommitNote, version: int) -> int:
    """Replace a level and all newer ones, if no other run has committed since `version`."""
    append.create(catalog, tables.edges)
    opened = catalog.open(tables.edges.name)
    if version >= 0 and int(opened.version()) != version:
        raise CollisionError(f"{tables.edges.name}: another run updated it", "it is compared again")
    stamp = CommitStamp(note, int(opened.transaction_version(FLOW) or 0) + 1)
    if not fits(opened, tables.edges):
        rows = RowsToWrite("overwrite", entries)
        return delta_writer.write(entries.sparkSession, catalog, tables.edges, rows, stamp)
    return delta_writer.replace_where(catalog, tables.edges, entries, f"level >= {level}", stamp)


def _new_entries(
    session: SparkSession, catalog: Catalog, state: IndexState, work: _Work, *, rebuild: bool
) -> DataFrame:
    """Return the entries to add, each with its count; the same entry may come several times."""
    from pyspark.sql import functions as F

    parts = []
    for name, first in work.feeds.items():
        feed = (
            session.read.format("delta")
            .option("readChangeFeed", "true")
            .option("startingVersion", first)
            .option("endingVersion", state.tables[name].version)
            .load(catalog.table_uri(name))
        )
        count = F.when(F.col(CHANGE).isin(*_ADDED), 1).otherwise(-1)
        parts.append(_lineage(feed.withColumn("_n", count), name))
    for name in sorted(work.whole):
        rows = session.read.format("delta").option("versionAsOf", state.tables[name].version)
        parts.append(_lineage(rows.load(catalog.table_uri(name)).withColumn("_n", F.lit(1)), name))
    made = [part.selectExpr("child", "`table`", "n", _ENTRIES).select(*_ENTRY, "n") for part in parts]
    if not rebuild and work.dropped:
        dropped = _stored(session, catalog, state).where(F.col("table").isin(*sorted(work.dropped)))
        made.append(dropped.withColumn("n", -F.col("n")).select(*_ENTRY, "n"))
    if not made:
        return session.createDataFrame([], spark_schema(tables.edges.schema)).select(*_ENTRY, "n")
    return functools.reduce(lambda one, other: one.unionByName(other), made)


def _lineage(rows: DataFrame, name: str) -> DataFrame:
    """Select a row's lineage columns, under the same names and types in all tables."""
    from pyspark.sql import functions as F

    present = set(rows.columns)
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


def _stored(session: SparkSession, catalog: Catalog, state: IndexState) -> DataFrame:
    if state.edges is None:
        message = "ledger.edges does not exist"
        raise ValueError(message)
    read = session.read.format("delta").option("versionAsOf", int(state.edges.version()))
    return read.load(catalog.table_uri(tables.edges.name))


def _arranged(session: SparkSession, entries: DataFrame, rows: int, level: int) -> DataFrame:
    """Add up equal entries to a level, in files of ranges of ids, sorted: one shuffle."""
    from pyspark.sql import functions as F

    key = F.when(F.col("sorted_by") == "parent", F.col("parent")).otherwise(F.col("child"))
    tasks = max(-(-rows // ROWS_PER_FILE), min(session.sparkContext.defaultParallelism, rows // ROWS_PER_TASK))
    keyed = entries.withColumn("_key", key)
    # Ranges are found by a sample, which is another reading of what is to be written.
    ranges = keyed.repartitionByRange(tasks, "sorted_by", "_key") if tasks > 1 else keyed.coalesce(1)
    summed = ranges.groupBy("_key", *_ENTRY).agg(F.sum("n").cast("int").alias("n")).where("n <> 0")
    ordered = summed.withColumn("level", F.lit(level).cast("int"))
    # The partition columns come first, or the writer would sort again by them alone.
    return ordered.sortWithinPartitions("level", "sorted_by", "_key", "parent", "child", "table").drop("_key")
