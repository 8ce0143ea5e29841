"""Scan a table's rows with Arrow, with no JVM.

delta-rs hands a table to Arrow as a dataset only where the table needs no reader feature; with column
mapping that dataset would silently give nulls. Such tables go through its query engine, which applies
the features, or are refused.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import QueryBuilder

from lakehouse.delta.data_files import decoded, files
from lakehouse.delta.log import APPLIED
from lakehouse.delta.store.table_folder import table_store
from lakehouse.delta.table_errors import lost_file, not_allowed
from lakehouse.errors import LakeError, first_line

if TYPE_CHECKING:
    from deltalake import DeltaTable


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
    if features - {"timestampNtz", "vacuumProtocolCheck"}:
        return Rows(table, name)
    try:
        return table.to_pyarrow_dataset(filesystem=table_store(table))
    except Exception as error:
        raise _unreadable(name, first_line(error, 200)) from error


def _unreadable(name: str, why: str) -> LakeError:
    return LakeError(
        f"{name} cannot be read correctly: {why}", "write it without that feature, or read it through Spark"
    )


def unreadable_file(table: DeltaTable, name: str) -> LakeError | None:
    """Return the error for the first data file of a table that cannot be opened as Parquet, None if all can."""
    store = table_store(table)

    def problem(path: str) -> LakeError | None:
        try:
            with store.open_input_file(path) as file:
                pq.read_metadata(file)
        except PermissionError:
            return not_allowed(name, "read", path)
        except (OSError, pa.ArrowException):
            return lost_file(name, path)
        return None

    with ThreadPoolExecutor(8) as pool:
        return next(filter(None, pool.map(problem, decoded(files(table)["path"]).to_pylist())), None)
