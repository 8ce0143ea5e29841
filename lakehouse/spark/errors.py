"""Translate Spark's errors into errors that name the flow and what to do."""

from __future__ import annotations

import re

from lakehouse import errors
from lakehouse.declare.flow import Flow
from lakehouse.delta import table_errors
from lakehouse.errors import FlowError, MixlakeError

_UNREADABLE = ("FileNotFoundException", "FILE_NOT_EXIST", "FAILED_READ_FILE", "CANNOT_READ_FILE_FOOTER")


def from_spark_error(flow: Flow, error: Exception, lake: str = "") -> MixlakeError:
    """Turn what Spark raised into an error that names the flow and what to do.

    Args:
        flow: The flow.
        error: What was raised.
        lake: The lake's URI, by which a path is recognised as one of its tables.
    """
    text = str(error)
    ours = errors.from_text(text)
    if ours is not None:
        return ours
    if "No space left on device" in text:
        # delta-rs reports this number for a table's log; Spark reports none for its own files.
        if "(os error 28)" in text:
            return table_errors.no_space(flow.writes.name)
        return errors.LakeError(
            f"{flow.id}: no space left on a worker's disk", "free space in spark.local.dir, and run again"
        )
    if any(word in text for word in _UNREADABLE):
        return _unreadable(flow, text, lake)
    return FlowError(
        f"{flow.id} failed: {_message(text, error)} ({flow.place})", "MIXLAKE_DEBUG=1 shows the whole error"
    )


def _unreadable(flow: Flow, text: str, lake: str) -> MixlakeError:
    """Name the table and the file that could not be read, where Spark names a path in the lake."""
    place = lake.rpartition("://")[2].rstrip("/") + "/"
    for path in re.findall(r"[^\s'\"]+\.parquet", text) if lake else ():
        parts = path.partition(place)[2].split("/", 2)
        if len(parts) == 3:
            return table_errors.lost_file(f"{parts[0]}.{parts[1]}", parts[2], f"{flow.id}: ")
    return errors.LakeError(f"{flow.id}: a data file that it reads is gone or damaged", "mixlake doctor names it")


def _message(text: str, error: Exception) -> str:
    """Return the line of an error's text that says most: the end of a worker's traceback, or the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        if re.match(r"^[\w.]*(Error|Exception|Interrupt)\b.*: ", line) and not line.startswith(
            ("at ", "org.", "java.")
        ):
            return line[:400]
    return lines[0][:400] if lines else type(error).__name__
