"""Read Delta tables at a version with Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.column_types import nullable_inside
from lakehouse.declare.contract import Table
from lakehouse.delta.catalog import Catalog

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

CHANGE = "_change_type"


def spark_schema(schema: pa.Schema) -> StructType:
    """Return the Spark schema of an Arrow schema; each field may be null: Spark drops null checks of others."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(pa.schema([pa.field(field.name, nullable_inside(field.type)) for field in schema]))


def load(session: SparkSession, catalog: Catalog, table: Table, version: int) -> DataFrame:
    """Return a table at a version; a missing one (version -1) is empty."""
    if version < 0:
        return session.createDataFrame([], spark_schema(table.schema))
    return session.read.format("delta").option("versionAsOf", version).load(catalog.table_uri(table.name))
