"""Read what changed in a driving input since the last commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.delta.change_feed import only_adds
from lakehouse.delta.data_version import read_data_version
from lakehouse.delta.log import log_of
from lakehouse.execute.file_pruning import rows_of
from lakehouse.execute.input_frames import frame, shape, union
from lakehouse.project import Project
from lakehouse.spark.delta_reader import CHANGE, load
from lakehouse.spark.key_range import Span, measures, span_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_CHANGE_COLUMNS = (CHANGE, "_commit_version", "_commit_timestamp")


@dataclass(frozen=True)
class Changes:
    """What changed in a driving input.

    Args:
        rows: The driving rows to process.
        keys: The driving keys whose results are replaced; None where there are only new rows.
        span: Where those keys lie, None where it is not known.
    """

    rows: DataFrame
    keys: DataFrame | None
    span: Span | None = None


def changes(
    session: SparkSession, project: Project, flow: Flow, before: Mapping[str, int], versions: Mapping[str, int]
) -> Changes:
    """Return what changed in the driving input between two sets of versions.

    Rows come from the change data feed. Where there were only inserts they are processed alone. Else it names the
    affected keys: where a flow wrote the input, so that a key names one row, the feed has that row as well; other
    inputs are looked up at the new version.
    """
    from pyspark.sql import functions as F

    item = flow.reads[flow.driving]
    key = flow.driving_key
    feeds: list[tuple[Table, DataFrame]] = []
    only_adds_files = True
    for table in project.registry.sources(item):
        first, last = before.get(table.name, -1) + 1, versions[table.name]
        if last < first:
            continue
        feed = (
            session.read.format("delta")
            .option("readChangeFeed", "true")
            .option("startingVersion", first)
            .option("endingVersion", last)
            .load(project.catalog.table_uri(table.name))
        )
        feeds.append((table, feed))
        only_adds_files = only_adds_files and only_adds(project.catalog.open(table.name, last), first, last)
    if not feeds:
        return Changes(frame(session, project, item, versions).limit(0), None)
    touched = union([feed.select(F.col(key).alias(key), CHANGE) for _, feed in feeds])
    told: Mapping[str, Any] = {"others": False}
    if not only_adds_files:  # the log mostly tells; a MERGE or an overwrite may have done nothing but insert, too
        told = touched.agg(F.max(F.col(CHANGE) != "insert").alias("others"), *measures(key)).collect()[0].asDict()
    if not told["others"]:
        return Changes(union([shape(feed.drop(*_CHANGE_COLUMNS), item, table) for table, feed in feeds]), None)
    keys, span = touched.select(key).distinct(), span_of(key, told)
    sources = project.registry.sources(item)
    if len(sources) == 1 and tuple(sources[0].key) == (key,) and names_one(project, sources[0], versions):
        table, feed = feeds[0]
        return Changes(shape(_newest(feed, key).drop(*_CHANGE_COLUMNS), item, table), keys, span)
    parts = []
    for table in sources:
        version = versions[table.name]
        if version >= 0:
            whole = load(session, project.catalog, table, version)
            found = rows_of(whole, project.catalog, table.name, version, F.col(f"`{key}`"), keys, span)
            parts.append(shape(found, item, table))
    return Changes(union(parts), keys, span)


def names_one(project: Project, table: Table, versions: Mapping[str, int]) -> bool:
    """Whether a key names one row of a table at most: a flow wrote its rows, and nothing else since."""
    if table.name not in project.registry.writers:
        return False
    return not read_data_version(log_of(project.catalog.open(table.name, versions[table.name]))).external_writes


def _newest(feed: DataFrame, key: str) -> DataFrame:
    """Return the rows that a feed leaves: of each key what its last change made of it, none where that deleted it."""
    from pyspark.sql import functions as F

    last = feed.groupBy(F.col(f"`{key}`").alias("_key")).agg(F.max("_commit_version").alias("_last"))
    made = feed.where(F.col(CHANGE).isin("insert", "update_postimage"))
    same = F.col(f"`{key}`").eqNullSafe(F.col("_key")) & (F.col("_commit_version") == F.col("_last"))
    return made.join(last, same, "left_semi")
