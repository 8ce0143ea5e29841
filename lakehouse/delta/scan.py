"""Scan a table's rows with Arrow, with no JVM.

delta-rs hands a table to Arrow as a dataset only where the table needs no reader feature; with column
mapping that dataset would silently give nulls. Such tables go through its query engine, which applies
the features, or are refused.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import QueryBuilder

from lakehouse.delta import arrow_dataset as ds
from lakehouse.delta.data_files import decoded
from lakehouse.delta.log import APPLIED
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import LakeError, first_line

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Reader features that do not change how a table's files are read.
_WITHOUT_EFFECT = {"timestampNtz", "vacuumProtocolCheck"}


class Rows:
    """The rows of a table that needs reader features, as a fresh Arrow stream for each scan.

    Args:
        table: The table at its version.
        name: Its name, for errors.
    """

    def __init__(self, table: DeltaTable, name: str) -> None:
        """Keep the table; nothing is read yet."""
        self._table = table
        self._name = name

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Start the stream; see the Arrow PyCapsule interface."""
        try:
            found = QueryBuilder().register("t", self._table).execute("SELECT * FROM t")
        except Exception as error:
            raise _unreadable(self._name, first_line(error, 200)) from error
        return found.__arrow_c_stream__(requested_schema)


def scan(table: DeltaTable, name: str) -> Any:
    """Return what DuckDB, Polars or Arrow read a table through, at the version at which it was opened.

    Returns:
        A `pyarrow.dataset.Dataset` where the table needs no reader feature (filters and projections
        are pushed to its Parquet files), else `Rows`.

    Raises:
        LakeError: If the table needs a reader feature that no reader here applies.
    """
    protocol = table.protocol()
    mode = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    features = set(protocol.reader_features or ())
    if protocol.min_reader_version >= 2 and mode != "none":
        features.add("columnMapping")
    unknown = sorted(features - APPLIED)
    if unknown:
        raise _unreadable(name, f"it uses the Delta feature {', '.join(unknown)}")
    # A table may keep a feature that it no longer uses; only that which alters reading counts.
    if features - _WITHOUT_EFFECT:
        return Rows(table, name)
    try:
        return _with_true_bounds(table, table.to_pyarrow_dataset(filesystem=table_store(table)))
    except Exception as error:
        raise _unreadable(name, first_line(error, 200)) from error


def file_dataset(table: DeltaTable, paths: Sequence[str]) -> ds.FileSystemDataset | None:
    """Return some data files of a table as a dataset, None where the table needs a reader feature.

    Args:
        table: The table at its version.
        paths: The files, as they are in the store.
    """
    if set(table.protocol().reader_features or ()) - _WITHOUT_EFFECT or table.protocol().min_reader_version == 2:
        return None
    actions = pa.table(table.get_add_actions(flatten=True))
    place = actions.column_names.index("path")
    actions = actions.set_column(place, "path", decoded(actions.column("path").cast(pa.string())))
    selected = actions.filter(pc.is_in(actions.column("path"), value_set=pa.array(paths, pa.string())))
    partition = {column: selected.column(f"partition.{column}") for column in table.metadata().partition_columns}
    dataset_format, store = ds.ParquetFileFormat(), table_store(table)
    fragments = [
        dataset_format.make_fragment(path, filesystem=store, partition_expression=_promise(row, partition, {}))
        for row, path in enumerate(selected.column("path").to_pylist())
    ]
    return ds.FileSystemDataset(fragments, pa.schema(table.schema().to_arrow()), dataset_format, store)


def _with_true_bounds(table: DeltaTable, dataset: ds.FileSystemDataset) -> ds.FileSystemDataset:
    """Return a dataset whose file statistics hold for all rows of the files.

    A fragment promises that a column is between the minimum and the maximum in the log, by which Arrow simplifies
    filters. No bound holds of NaN, which delta-rs leaves out and Spark states as the maximum; and where one bound is
    null, as delta-rs states infinities, Arrow takes each comparison for false. So nothing is promised for floats, and
    for other columns only where both bounds exist.
    """
    actions = pa.table(table.get_add_actions(flatten=True))
    columns = [name[4:] for name in actions.column_names if name.startswith("min.")]
    bounds = {name: (actions.column(f"min.{name}"), actions.column(f"max.{name}")) for name in columns}
    if all(not pa.types.is_floating(low.type) and low.is_valid() == high.is_valid() for low, high in bounds.values()):
        return dataset
    partition = {name: actions.column(f"partition.{name}") for name in table.metadata().partition_columns}
    unknown = pa.chunked_array([pa.nulls(actions.num_rows, pa.int64())])
    known = {
        name: (*pair, actions.column(nulls) if (nulls := f"null_count.{name}") in actions.column_names else unknown)
        for name, pair in bounds.items()
        if name in dataset.schema.names and not pa.types.is_floating(pair[0].type) and name not in partition
    }
    fragments = [
        dataset.format.make_fragment(
            path, filesystem=dataset.filesystem, partition_expression=_promise(row, partition, known)
        )
        for row, path in enumerate(decoded(actions.column("path").cast(pa.string())).to_pylist())
    ]
    return ds.FileSystemDataset(fragments, dataset.schema, dataset.format, dataset.filesystem)


def _promise(
    row: int, partition: Mapping[str, pa.ChunkedArray], bounds: Mapping[str, Sequence[pa.ChunkedArray]]
) -> pc.Expression | None:
    """Return a condition that all rows of a file fulfil; it also gives them the values of their partition."""
    parts = []
    for name, values in partition.items():
        parts.append(pc.field(name) == values[row] if values[row].is_valid else pc.field(name).is_null())
    for name, (low, high, nulls) in bounds.items():
        if low[row].is_valid and high[row].is_valid:
            within = (pc.field(name) >= low[row]) & (pc.field(name) <= high[row])
            parts.append(within if nulls[row].as_py() == 0 else within | pc.field(name).is_null())
    return functools.reduce(lambda one, other: one & other, parts) if parts else None


def _unreadable(name: str, why: str) -> LakeError:
    return LakeError(
        f"{name} cannot be read correctly: {why}", "write it without that feature, or read it through Spark"
    )
