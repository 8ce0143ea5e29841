"""Read a flow's inputs at pinned versions: their rows and columns, and how many files they have."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN
from lakehouse.declare.reads import Read
from lakehouse.project import Project
from lakehouse.spark.delta_reader import load, spark_schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def frame(session: SparkSession, project: Project, item: Read, versions: Mapping[str, int]) -> DataFrame:
    """Return an input whole: one table, or the union of the tables that carry its tag."""
    parts = [
        select_rows(load(session, project.catalog, t, versions[t.name]), item, t)
        for t in project.registry.sources(item)
    ]
    if not parts:
        return session.createDataFrame([], spark_schema(_union_schema(item)))
    return union(parts)


def select_rows(rows: DataFrame, item: Read, table: Table) -> DataFrame:
    """Keep the rows and columns that a flow reads."""
    from pyspark.sql import functions as F

    if TABLE_PSEUDO_COLUMN in item.names:
        rows = rows.withColumn(TABLE_PSEUDO_COLUMN, F.lit(table.name))
    if item.where:
        rows = rows.where(item.where)
    return rows.select(*item.names) if item.names else rows.select(*[c.name for c in table.columns])


def count_files(project: Project, item: Read, versions: Mapping[str, int]) -> tuple[int, int]:
    """Return how many files an input has, and their bytes, from the logs: Spark would plan a query for it."""
    count = size = 0
    for table in project.registry.sources(item):
        if versions[table.name] >= 0:
            added = pa.table(project.catalog.open(table.name, versions[table.name]).get_add_actions())
            count += added.num_rows
            size += int(pc.sum(added["size_bytes"]).as_py() or 0)
    return count, size


def union(parts: list[DataFrame]) -> DataFrame:
    """Return the rows of all parts, by column name."""
    return functools.reduce(lambda one, other: one.unionByName(other), parts)


def _union_schema(item: Read) -> pa.Schema:
    fields: list[Any] = [
        pa.field(c.name, c.stored_type) if isinstance(c, Column) else pa.field(c, pa.string()) for c in item.columns
    ]
    return pa.schema(fields)
