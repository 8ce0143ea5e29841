"""A flow's inputs as DataFrames at pinned versions, and what changed in them since the last commit."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.actions import only_adds
from lakehouse.contract import Column, Table
from lakehouse.flow import Flow, Read
from lakehouse.history import log_of, standing
from lakehouse.lake import Lake
from lakehouse.registry import TABLE_PSEUDO_COLUMN
from lakehouse.span import Span, measures, span_of
from lakehouse.touched import rows_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

log = logging.getLogger("mixlake.inputs")

CHANGE = "_change_type"
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


def spark_schema(schema: pa.Schema) -> StructType:
    """Return the Spark schema of an Arrow schema."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)


def load(session: SparkSession, lake: Lake, table: Table, version: int) -> DataFrame:
    """Return a table at a version; a missing one (version -1) is empty."""
    if version < 0:
        return session.createDataFrame([], spark_schema(table.schema))
    return session.read.format("delta").option("versionAsOf", version).load(lake.table_uri(table.name))


def frame(session: SparkSession, lake: Lake, item: Read, versions: Mapping[str, int]) -> DataFrame:
    """Return an input whole: one table, or the union of the tables that carry its tag."""
    parts = [shape(load(session, lake, t, versions[t.name]), item, t) for t in lake.registry.sources(item)]
    if not parts:
        return session.createDataFrame([], spark_schema(_union_schema(item)))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.unionByName(part)
    return whole


def shape(rows: DataFrame, item: Read, table: Table) -> DataFrame:
    """Keep the rows and columns that a flow asks for."""
    from pyspark.sql import functions as F

    if TABLE_PSEUDO_COLUMN in item.names:
        rows = rows.withColumn(TABLE_PSEUDO_COLUMN, F.lit(table.name))
    if item.where:
        rows = rows.where(item.where)
    return rows.select(*item.names) if item.names else rows.select(*[c.name for c in table.columns])


def files(lake: Lake, item: Read, versions: Mapping[str, int]) -> tuple[int, int]:
    """Return in how many files an input lies, and their bytes; told by the logs, where Spark would plan a query."""
    count = size = 0
    for table in lake.registry.sources(item):
        if versions[table.name] >= 0:
            added = pa.table(lake.open(table.name, versions[table.name]).get_add_actions())
            count += added.num_rows
            size += int(pc.sum(added["size_bytes"]).as_py() or 0)
    return count, size


def changes(
    session: SparkSession, lake: Lake, flow: Flow, before: Mapping[str, int], versions: Mapping[str, int]
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
    for table in lake.registry.sources(item):
        first, last = before.get(table.name, -1) + 1, versions[table.name]
        if last < first:
            continue
        feed = (
            session.read.format("delta")
            .option("readChangeFeed", "true")
            .option("startingVersion", first)
            .option("endingVersion", last)
            .load(lake.table_uri(table.name))
        )
        feeds.append((table, feed))
        only_adds_files = only_adds_files and only_adds(lake.open(table.name, last), first, last)
    if not feeds:
        return Changes(frame(session, lake, item, versions).limit(0), None)
    touched = _union([feed.select(F.col(key).alias(key), CHANGE) for _, feed in feeds])
    told: Mapping[str, Any] = {"others": False}
    if not only_adds_files:  # the log mostly tells; a MERGE or an overwrite may have done nothing but insert, too
        told = touched.agg(F.max(F.col(CHANGE) != "insert").alias("others"), *measures(key)).collect()[0].asDict()
    if not told["others"]:
        return Changes(_union([shape(feed.drop(*_CHANGE_COLUMNS), item, table) for table, feed in feeds]), None)
    keys, span = touched.select(key).distinct(), span_of(key, told)
    sources = lake.registry.sources(item)
    if len(sources) == 1 and tuple(sources[0].key) == (key,) and names_one(lake, sources[0], versions):
        table, feed = feeds[0]
        return Changes(shape(_newest(feed, key).drop(*_CHANGE_COLUMNS), item, table), keys, span)
    parts = []
    for table in sources:
        version = versions[table.name]
        if version >= 0:
            whole = load(session, lake, table, version)
            found = rows_of(whole, lake, table.name, version, F.col(f"`{key}`"), keys, span)
            parts.append(shape(found, item, table))
    return Changes(_union(parts), keys, span)


def names_one(lake: Lake, table: Table, versions: Mapping[str, int]) -> bool:
    """Whether a key names one row of a table at most: a flow wrote its rows, and nothing else since."""
    if table.name not in lake.registry.writers:
        return False
    return not standing(log_of(lake.open(table.name, versions[table.name]))).foreign


def _newest(feed: DataFrame, key: str) -> DataFrame:
    """Return the rows that a feed leaves: of each key what its last change made of it, none where that deleted it."""
    from pyspark.sql import functions as F

    last = feed.groupBy(F.col(f"`{key}`").alias("_key")).agg(F.max("_commit_version").alias("_last"))
    made = feed.where(F.col(CHANGE).isin("insert", "update_postimage"))
    same = F.col(f"`{key}`").eqNullSafe(F.col("_key")) & (F.col("_commit_version") == F.col("_last"))
    return made.join(last, same, "left_semi")


def _union(parts: list[DataFrame]) -> DataFrame:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.unionByName(part)
    return whole


def _union_schema(item: Read) -> pa.Schema:
    fields: list[Any] = [
        pa.field(c.name, c.type) if isinstance(c, Column) else pa.field(c, pa.string()) for c in item.columns
    ]
    return pa.schema(fields)
