"""The types of an input's columns, as contracts declare them."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN
from lakehouse.declare.reads import Read
from lakehouse.project import Project


def input_schema(project: Project, item: Read) -> pa.Schema:
    """Return the schema of an input's rows."""
    tables = list(project.registry.sources(item))
    if not tables:
        return pa.schema(
            [pa.field(c.name, c.stored_type) if isinstance(c, Column) else (c, pa.string()) for c in item.columns]
        )
    types = column_types(tables[0])
    return pa.schema([pa.field(name, types[name]) for name in item.names or [c.name for c in tables[0].columns]])


def column_types(table: Table) -> dict[str, pa.DataType]:
    """Return the type of each column of a table, and of the one that names the table."""
    return {**{column.name: column.stored_type for column in table.columns}, TABLE_PSEUDO_COLUMN: pa.string()}
