"""Read mixlake's columns from some files of a table, of any version.

A table that was rewritten with other types has files of both. In each file the columns that fit by type are read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from lakehouse.declare.lineage_columns import TYPES
from lakehouse.delta import arrow_dataset as pads
from lakehouse.delta.log import types_of
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import TableNotFoundError
from lakehouse.retraction.closure import COLUMNS

if TYPE_CHECKING:
    from deltalake import DeltaTable

Types = Mapping[str, object]
"""The type of each column, see `lakehouse.declare.lineage_columns.fits`."""

ColumnSelector = Callable[[Types], Collection[str]]
"""Returns mixlake's columns among columns with their types."""

_SCHEMA = pa.schema([pa.field(name, TYPES[name]) for name in COLUMNS])


def lineage_of_files(table: DeltaTable, paths: Sequence[str], older: Iterable[Types], select: ColumnSelector) -> object:
    """Return what DuckDB reads mixlake's columns of some files through.

    Args:
        table: The table, as it is.
        paths: The files, relative to its folder.
        older: The columns that it had at its versions.
        select: Says which columns are mixlake's.

    Raises:
        TableNotFoundError: If it has none, nor had any.
    """
    types = types_of(table.schema().to_json())
    names, partition_columns = set(select(types)) & {*COLUMNS}, set(table.metadata().partition_columns)
    store = table_store(table)
    if any(set(select(columns)) & {*COLUMNS} != names & columns.keys() for columns in older):
        return _MixedFiles(store, _by_columns(store, paths, select, names & partition_columns), partition_columns)
    if not names:
        raise TableNotFoundError(f"{table.table_uri} has no lineage columns")
    return _dataset(store, paths, names, partition_columns) if paths else _schema_of(names).empty_table()


class _MixedFiles:
    """Rows of files of which some lack columns that others have, as a fresh Arrow stream for each scan.

    Args:
        store: The file system whose root is the table's folder.
        groups: The files, by the columns that are read of them.
        partition_columns: The table's partition columns.
    """

    def __init__(
        self, store: pafs.FileSystem, groups: Mapping[frozenset[str], list[str]], partition_columns: set[str]
    ) -> None:
        self._store, self._groups, self._partition_columns = store, groups, partition_columns

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Start the stream; see the Arrow PyCapsule interface."""
        return pa.RecordBatchReader.from_batches(_SCHEMA, self._batches()).__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for names, paths in self._groups.items():
            for batch in _dataset(self._store, paths, names, self._partition_columns).to_batches():
                nothing = pa.nulls(batch.num_rows)
                arrays = [batch.column(f.name) if f.name in names else nothing.cast(f.type) for f in _SCHEMA]
                yield pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def _by_columns(
    store: pafs.FileSystem, paths: Iterable[str], select: ColumnSelector, always: Collection[str]
) -> dict[frozenset[str], list[str]]:
    """Return files by the columns that are mixlake's in them; partition columns, which no file holds, are always."""

    def columns_of_file(path: str) -> frozenset[str]:
        with store.open_input_file(path) as file:
            schema = pq.read_schema(file)
        return frozenset({*select(dict(zip(schema.names, schema.types, strict=True))), *always} & {*COLUMNS})

    groups: dict[frozenset[str], list[str]] = {}
    with ThreadPoolExecutor(8) as pool:
        for path, names in zip(paths, pool.map(columns_of_file, paths), strict=True):
            if names:
                groups.setdefault(names, []).append(path)
    return groups


def _dataset(
    store: pafs.FileSystem, paths: Sequence[str], names: Collection[str], partition_columns: Collection[str]
) -> pads.Dataset:
    partitions = _schema_of(set(names) & set(partition_columns))
    return pads.dataset(
        list(paths),
        schema=_schema_of(names),
        filesystem=store,
        format="parquet",
        partitioning=pads.partitioning(partitions, flavor="hive") if len(partitions) else None,
    )


def _schema_of(names: Collection[str]) -> pa.Schema:
    return pa.schema([field for field in _SCHEMA if field.name in names])
