"""DuckDB in memory, for statements that may be ended: by Ctrl-C, a time limit, or for want of memory or disk."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import duckdb
import pyarrow as pa

from lakehouse.errors import MixlakeError
from lakehouse.interruption import on_interrupt
from lakehouse.query.limits import Limits, disk_error, full_disk_error, memory_error, parse_size, time_error
from lakehouse.query.sql_guard import literal
from lakehouse.query.statement_thread import DeadlineError, StatementThread
from lakehouse.scratch_folder import delete_scratch_folder, new_scratch_folder

T = TypeVar("T")

# Of the machine's memory, or the container's, DuckDB takes four fifths by default.
_DUCKDB_SHARE = 0.8


class Database:
    """A DuckDB that reads nothing but what is registered with it.

    Args:
        limits: What one statement may take.

    Attributes:
        engine: The connection. What may take long on it goes through `run`.

    Raises:
        UsageError: If a limit is not a size.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.engine = duckdb.connect(":memory:")
        self._thread = StatementThread(self.engine.interrupt)
        # Where a large sort or join spills to: it contains rows of the lake, so only this user may read it.
        self._spill = new_scratch_folder("sql")
        try:
            default = self.engine.execute("SELECT current_setting('memory_limit')").fetchone()
            total = int(parse_size(str(default[0] if default else "0.8GiB"), 0) / _DUCKDB_SHARE)
            for setting in (
                "TimeZone = 'UTC'",
                f"memory_limit = '{limits.memory_bytes(total)}B'",
                f"temp_directory = {literal(str(self._spill))}",
                f"max_temp_directory_size = '{limits.disk_bytes(str(self._spill))}B'",
                "python_enable_replacements = false",
                "errors_as_json = true",
                "enable_external_access = false",
                "lock_configuration = true",
            ):
                self.engine.execute(f"SET {setting}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, and delete what it spilled."""
        self._thread.close()
        if not self._thread.is_left_behind:  # else to close it is to wait for it
            self.engine.close()
        delete_scratch_folder(self._spill)

    def deadline(self) -> float | None:
        """Return when a statement that begins now has to end, by `time.monotonic`."""
        return None if self.limits.seconds is None else time.monotonic() + self.limits.seconds

    def run(self, work: Callable[[], T], deadline: float | None = None) -> T:
        """Run a part of a statement so that Ctrl-C and the deadline end it.

        Raises:
            LimitError: If it did not end in time.
        """
        try:
            with on_interrupt(self.engine.interrupt):
                return self._thread.run(work, deadline)
        except DeadlineError:
            raise time_error(self.limits) from None

    def stream(
        self, reader: pa.RecordBatchReader, translate: Callable[[BaseException], MixlakeError], deadline: float | None
    ) -> pa.RecordBatchReader:
        """Return the batches of a statement, with what goes wrong while they are fetched as errors of its own."""

        def batches() -> Iterator[pa.RecordBatch]:
            while True:
                try:
                    batch = self.run(lambda: next(reader, None), deadline)
                except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
                    raise translate(error) from None
                if batch is None:
                    return
                yield batch

        return pa.RecordBatchReader.from_batches(reader.schema, batches())

    def limit_error(self, error: BaseException) -> MixlakeError | None:
        """Return the error for a statement that took more memory or disk than it may, None for any other error."""
        text = str(error)
        if "max_temp_directory_size" in text:
            return disk_error(self.limits)
        if os.strerror(errno.ENOSPC) in text and str(self._spill) in text:
            return full_disk_error(str(self._spill.parent))
        if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)) or "Out of Memory Error" in text:
            return memory_error(self.limits)
        return None
