"""Find the data file whose bytes cannot be read, after a read of its table failed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.delta.data_files import decoded, files
from lakehouse.delta.store.table_folder import table_store
from lakehouse.delta.table_errors import lost_file, not_allowed
from lakehouse.errors import LakeError

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Seconds after which the search ends: of a large table all bytes would be read.
_SECONDS = 20.0


def unreadable_file(table: DeltaTable, name: str) -> LakeError | None:
    """Return the error for the first data file of a table that cannot be opened as Parquet, None if all can."""
    return _first(table, name, lambda file, _: pq.read_metadata(file))


def damaged_file(table: DeltaTable, name: str, seconds: float = _SECONDS) -> LakeError | None:
    """Return the error for the first data file of a table whose rows cannot be read.

    Args:
        table: The table at its version.
        name: Its name.
        seconds: How long the search may take.

    Returns:
        None if all can, or none was found in time.
    """
    return _first(table, name, _read_rows, time.monotonic() + seconds)


def _read_rows(file: pa.NativeFile, end: float) -> None:
    """Read all rows of a file, until a time."""
    for batch in pq.ParquetFile(file).iter_batches():
        batch.validate(full=True)  # texts in UTF-8, offsets within their bytes
        if time.monotonic() > end:
            return


def _first(
    table: DeltaTable, name: str, read: Callable[[pa.NativeFile, float], object], end: float = math.inf
) -> LakeError | None:
    store = table_store(table)

    def problem(path: str) -> LakeError | None:
        if time.monotonic() > end:
            return None
        try:
            with store.open_input_file(path) as file:
                read(file, end)
        except PermissionError:
            return not_allowed(name, "read", path)
        except (OSError, pa.ArrowException):
            return lost_file(name, path)
        return None

    with ThreadPoolExecutor(8) as pool:
        return next(filter(None, pool.map(problem, decoded(files(table)["path"]).to_pylist())), None)
