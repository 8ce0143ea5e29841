"""Read what changed in a driving input since the last commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.delta.change_feed import only_adds
from lakehouse.engine import AffectedKeys, Changes
from lakehouse.project import Project
from lakehouse.spark.delta_reader import CHANGE, load
from lakehouse.spark.file_pruning import KeysOf, rows_with_keys
from lakehouse.spark.flow_inputs import frame, select_rows, union
from lakehouse.spark.key_range import key_range, range_aggregates

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_CHANGE_COLUMNS = (CHANGE, "_commit_version", "_commit_timestamp")


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
    key = flow.source_key
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
        only_adds_files = only_adds_files and only_adds(project.catalog.log(table.name).store, first, last)
    if not feeds:
        return Changes(frame(session, project, item, versions).limit(0))
    changed = union([feed.select(F.col(key).alias(key), CHANGE) for _, feed in feeds])
    summary: Mapping[str, Any] = {"others": False}
    if not only_adds_files:  # mostly known from the log; a MERGE or an overwrite may have done nothing but insert, too
        others = F.max(F.col(CHANGE) != "insert").alias("others")
        summary = changed.agg(others, *range_aggregates(key)).collect()[0].asDict()
    if not summary["others"]:
        return Changes(union([select_rows(feed.drop(*_CHANGE_COLUMNS), item, table) for table, feed in feeds]))
    affected = AffectedKeys(changed.select(key).distinct(), key_range(key, summary))
    sources = project.registry.sources(item)
    if len(sources) == 1 and tuple(sources[0].key) == (key,) and project.only_flows_wrote(sources[0].name, versions):
        table, feed = feeds[0]
        return Changes(select_rows(_newest(feed, key).drop(*_CHANGE_COLUMNS), item, table), affected)
    parts = []
    for table in sources:
        version = versions[table.name]
        if version >= 0:
            whole = load(session, project.catalog, table, version)
            keys = KeysOf(F.col(f"`{key}`"), affected)
            parts.append(select_rows(rows_with_keys(whole, project.catalog, table.name, version, keys), item, table))
    return Changes(union(parts), affected)


def _newest(feed: DataFrame, key: str) -> DataFrame:
    """Return the rows that a feed leaves: of each key what its last change made of it, none where that deleted it."""
    from pyspark.sql import functions as F

    last = feed.groupBy(F.col(f"`{key}`").alias("_key")).agg(F.max("_commit_version").alias("_last"))
    made = feed.where(F.col(CHANGE).isin("insert", "update_postimage"))
    same = F.col(f"`{key}`").eqNullSafe(F.col("_key")) & (F.col("_commit_version") == F.col("_last"))
    return made.join(last, same, "left_semi")
