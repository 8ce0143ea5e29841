"""Tell whether a statement failed because a table cannot be read, and which file is at fault."""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from lakehouse.delta.damaged_file import damaged_file, unreadable_file
from lakehouse.errors import LakeError, MixlakeError
from lakehouse.query.sql_guard import error_message

# DuckDB's message for rows that it could not fetch. The name is that under which `Connection` registers a table.
_FETCH = re.compile(r"reading the stream registered as '__(?P<table>[^'@]+)(?:@\w+)?' failed: (?P<why>.*)", re.DOTALL)
# Its message for a text that is not UTF-8; SQL itself makes none.
_TEXT = re.compile(r"invalid unicode|invalid (string encoding|utf-?8)", re.IGNORECASE)


def read_error(error: BaseException, opened: Sequence[tuple[str, DeltaTable]]) -> MixlakeError | None:
    """Return the error for the table that a statement could not read, None where the statement itself is wrong.

    Args:
        error: What the engine or Arrow raised.
        opened: The tables that the statement may have read, each with its name.
    """
    if not isinstance(error, (duckdb.InvalidInputException, duckdb.IOException, pa.ArrowException, OSError)):
        return None
    for name, table in opened:
        if (unreadable := unreadable_file(table, name)) is not None:
            return unreadable
    message = error_message(error)
    fetched = _FETCH.search(message)
    if fetched is None and not _TEXT.search(message):
        return None
    read = [(name, table) for name, table in opened if fetched is None or name == fetched["table"]]
    for name, table in read:
        if (damaged := damaged_file(table, name)) is not None:
            return damaged
    if fetched is None:
        return None
    why = fetched["why"].rstrip(". ")
    return LakeError(f"{fetched['table']} cannot be read: {why}", "mixlake doctor examines its files and its store")
