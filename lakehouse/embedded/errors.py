"""Translate errors of DuckDB, Arrow and delta-rs into errors that name the flow and what to do."""

from __future__ import annotations

import errno

import duckdb

from lakehouse.declare.flow import Flow
from lakehouse.errors import FlowError, LakeError, MixlakeError, first_line


def from_engine_error(flow: Flow, error: Exception) -> MixlakeError:
    """Turn what a library raised into an error that names the flow and what to do.

    Args:
        flow: The flow.
        error: What was raised.
    """
    if isinstance(error, MixlakeError):
        return error
    text = str(error)
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "No space left" in text:
        return LakeError(f"{flow.id}: no space left on the disk", "free space in TMPDIR and the lake, and run again")
    if isinstance(error, FileNotFoundError):
        return LakeError(
            f"{flow.id}: a data file that it reads is gone: {first_line(error)}", "mixlake doctor names it"
        )
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
        return FlowError(
            f"{flow.id} ran out of memory ({flow.place})", "lower batch_rows of the flow, or run it with --engine spark"
        )
    return FlowError(
        f"{flow.id} failed: {type(error).__name__}: {first_line(error)} ({flow.place})",
        "MIXLAKE_DEBUG=1 shows the whole error",
    )
