"""Read a flow's inputs at pinned versions, as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN
from lakehouse.declare.reads import Read
from lakehouse.delta import arrow_dataset as ds
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.scan import scan
from lakehouse.embedded.conditions import Expressions
from lakehouse.embedded.row_file import Stream
from lakehouse.engine.conform_arrays import conform_column
from lakehouse.engine.conform_types import MisfitError
from lakehouse.engine.input_types import column_types, input_schema
from lakehouse.project import Project

# A scan reads ahead by so many batches and files, which bounds the memory that large rows take.
_AHEAD = 2


def input_rows(
    project: Project, database: duckdb.DuckDBPyConnection, item: Read, versions: Mapping[str, int], batch_rows: int
) -> Stream:
    """Return an input whole: one table, or the union of the tables that carry its tag.

    Args:
        project: The project.
        database: Evaluates its condition.
        item: The input.
        versions: Version of each table; -1 where it is missing.
        batch_rows: Rows of a batch, at most.
    """
    tables = [table for table in project.registry.sources(item) if versions[table.name] >= 0]

    def batches() -> Iterator[pa.RecordBatch]:
        for table in tables:
            selection = Selection(database, item, table)
            rows = table_rows(project.catalog, table, versions[table.name], selection.columns, batch_rows)
            yield from selection.apply(rows)

    return Stream(input_schema(project, item), batches())


def table_rows(
    catalog: Catalog,
    table: Table,
    version: int,
    columns: Sequence[str],
    batch_rows: int,
    only: pc.Expression | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table at a version, with some of its columns in the contract's types.

    Args:
        catalog: The lake's catalog.
        table: Its contract.
        version: The version.
        columns: Names of the columns.
        batch_rows: Rows of a batch, at most.
        only: A condition by which rows may be left out, where files can be filtered by it; rows that do not fulfil it
            may still be returned.
    """
    opened = catalog.open(table.name, version)
    source = scan(opened, table.name)
    types = column_types(table)
    schema = pa.schema([pa.field(name, types[name]) for name in columns])
    if isinstance(source, ds.Dataset):
        stored = [name for name in columns if name in source.schema.names]
        scanner = source.scanner(
            stored, filter=only, batch_size=batch_rows, batch_readahead=_AHEAD, fragment_readahead=_AHEAD
        )
        batches: Iterable[pa.RecordBatch] = scanner.to_batches()
    else:
        batches = pa.RecordBatchReader.from_stream(source)
    for batch in batches:
        yield in_types(batch, schema)


def in_types(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with the fields of a schema: a column that is not stored yet is null."""
    arrays = []
    for field in schema:
        position = batch.schema.get_field_index(field.name)
        if position < 0:
            arrays.append(pa.nulls(batch.num_rows, field.type))
        else:
            column = batch.column(position)
            arrays.append(column if column.type == field.type else _cast(column, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        # Arrow casts no list within a null to one of a fixed size.
        try:
            return conform_column("", column, kind)
        except MisfitError:
            raise error from None


class Selection:
    """The rows and columns of a table that a flow reads.

    Args:
        database: Evaluates its condition.
        item: The input.
        table: The table.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, item: Read, table: Table) -> None:
        types = column_types(table)
        self._table = table.name
        self._condition = Expressions(database, [item.where] if item.where else [], types)
        self.names = list(item.names) or [column.name for column in table.columns]
        self.schema = pa.schema([pa.field(name, types[name]) for name in self.names])
        # A condition may use columns that the flow does not read.
        self.columns = [column.name for column in table.columns] if item.where else self._stored(self.names)

    @staticmethod
    def _stored(names: Sequence[str]) -> list[str]:
        return [name for name in names if name != TABLE_PSEUDO_COLUMN]

    def apply(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows and columns."""
        for batch in batches:
            named = batch.append_column(TABLE_PSEUDO_COLUMN, pa.repeat(self._table, batch.num_rows))
            for mask in self._condition.masks(named):
                named = named.filter(mask)
            if named.num_rows:
                yield named.select(self.names)
