"""The rules of a contract that rows may break, each known by its place.

First come columns that are never null; then values that Delta, or one of its readers, gives back otherwise than they
were written; then the contract's checks.
"""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from lakehouse.declare.column_types import holds_times
from lakehouse.declare.contract import Column, Table
from lakehouse.declare.lineage_columns import RUN_ID

# Columns beside the contract's while rows are checked. ``_reject`` holds the whole reason as it is quarantined; the
# reason by which rows are counted is a function's up to its first colon, or the name of the first rule that is broken.
REASON = "_reason"
# int32 list: places of all rules that the row breaks; none where the function itself rejected it.
BROKEN = "_broken"
JOINED_BY = "; "
# Texts that a partition gives back as null: it has no other form of the first, and the second is Hive's word for null.
NULL_PARTITIONS = ("", "__HIVE_DEFAULT_PARTITION__")
# What no folder's name holds.
NUL = "\0"
# Bytes of the name of a folder, of which a text may have as many as are left after the column's name and =.
_FOLDER_BYTES = 255
# Bytes that stand in a folder's name as they are; any other takes three.
PLAIN_BYTES = "[A-Za-z0-9_.-]"
# Days and microseconds since 1970-01-01 of the first and the last moment that all readers know: years 1 to 9999.
FIRST_DAY, LAST_DAY = ((day - dt.date(1970, 1, 1)).days for day in (dt.date.min, dt.date.max))
FIRST_MICROSECOND, LAST_MICROSECOND = FIRST_DAY * 86_400_000_000, (LAST_DAY + 1) * 86_400_000_000 - 1


def given_columns(table: Table) -> list[Column]:
    """Return the columns that a flow gives: all but mixlake's ``run_id``, which the engine fills."""
    return [column for column in table.columns if not (column.name == RUN_ID and column.lineage)]


def never_null(table: Table) -> list[str]:
    """Return the columns that the contract requires of a flow."""
    given = {column.name for column in given_columns(table)}
    return [name for name in table.required if name in given]


def with_times(table: Table) -> list[str]:
    """Return the columns that hold dates or timestamps at any depth."""
    return [column.name for column in table.columns if holds_times(column.type)]


def text_partitions(table: Table) -> list[str]:
    """Return the columns of texts by which the table is partitioned."""
    return [name for name in table.partition_by if pa.types.is_string(table.column(name).type)]


def most_bytes(column: str) -> int:
    """Return how many bytes a folder's name leaves for a partition's text, as it is written there."""
    return _FOLDER_BYTES - len(column) - 1


def rule_names(table: Table) -> list[str]:
    """Return what each rule is called in quarantine, by its place."""
    return [
        *(f"column {name} is null" for name in never_null(table)),
        *(f"column {name} has a time outside of the years 1 to 9999" for name in with_times(table)),
        *(f"column {name} has a text that no partition holds" for name in text_partitions(table)),
        *(check.name for check in table.checks),
    ]


def first_check(table: Table) -> int:
    """Return the place of the first check."""
    return len(rule_names(table)) - len(table.checks)
