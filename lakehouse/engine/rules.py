"""The rules of a contract that rows may break, each known by its place.

First comes what is never null; then values that Delta, or one of its readers, does not return as they were
written; then the contract's checks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.column_types import holds_times
from lakehouse.declare.contract import Table
from lakehouse.declare.lineage_columns import RUN_ID
from lakehouse.engine.conform_types import element_path, entry_path, field_path, is_list

# Columns beside the contract's while rows are checked. ``_reject`` holds the whole reason as it is quarantined; the
# reason by which rows are counted is a function's up to its first colon, or the name of the first rule that is broken.
REASON = "_reason"
# int32 list: places of all rules that the row breaks; none where the function itself rejected it.
BROKEN = "_broken"
JOINED_BY = "; "

# What a function says that rejects a row by an empty reason, or by one that begins with the colon of its details.
NO_REASON = "no reason given"
# Such a reason, and what of it is replaced, as Java and RE2 both read it.
WITHOUT_REASON, BEFORE_DETAILS = r"^[ \t\r\n]*(:|$)", r"^[ \t\r\n]*"
# Texts that a partition gives back as null: it has no other form of the first, and the second is Hive's word for null.
NULL_PARTITIONS = ("", "__HIVE_DEFAULT_PARTITION__")
# What no folder's name holds.
NUL = "\0"
# Bytes of the name of a folder, of which a text may have as many as are left after the column's name and =.
_FOLDER_BYTES = 255
# Bytes that a folder's name has unescaped; any other takes three.
PLAIN_BYTES = "[A-Za-z0-9_.-]"
# Days and microseconds since 1970-01-01 of the first and the last moment that all readers support: years 1 to 9999.
FIRST_DAY, LAST_DAY = ((day - dt.date(1970, 1, 1)).days for day in (dt.date.min, dt.date.max))
FIRST_MICROSECOND, LAST_MICROSECOND = FIRST_DAY * 86_400_000_000, (LAST_DAY + 1) * 86_400_000_000 - 1


def given_columns(table: Table) -> list[Column]:
    """Return the columns that a flow gives: all but mixlake's ``run_id``, which the engine fills."""
    return [column for column in table.columns if not (column.name == RUN_ID and column.lineage)]


class Into(NamedTuple):
    """A step into a nested value: to a struct's field, a list's elements, or a map's keys or values."""

    part: Literal["field", "element", "key", "value"]
    name: str = ""


@dataclass(frozen=True)
class NeverNull:
    """A column, or a nested field, that is never null.

    Args:
        path: What it is called: ``lat``, ``place.lat``, ``rows[].x``, ``tags{value}``.
        column: The column.
        steps: The way from the column to the field, none for the column itself.
    """

    path: str
    column: str
    steps: tuple[Into, ...] = ()


def never_null(table: Table) -> list[NeverNull]:
    """Return the columns, and the fields inside of them, that the contract requires of a flow."""
    given = {column.name for column in given_columns(table)}
    columns = [NeverNull(name, name) for name in table.required if name in given]
    nested = [field for column in table.columns for field in _inside(column.type, NeverNull(column.name, column.name))]
    return [*columns, *nested]


def _inside(kind: pa.DataType, at: NeverNull) -> Iterator[NeverNull]:
    """Yield the fields inside of a value that are never null; a map's keys cannot be."""
    parts: list[tuple[str, Into, pa.Field]] = []
    if pa.types.is_struct(kind):
        parts = [(field_path(at.path, field.name), Into("field", field.name), field) for field in kind]
    elif pa.types.is_map(kind):
        parts = [
            (entry_path(at.path, "key"), Into("key"), pa.field("key", kind.key_type)),
            (entry_path(at.path, "value"), Into("value"), kind.item_field),
        ]
    elif is_list(kind):
        parts = [(element_path(at.path), Into("element"), kind.value_field)]
    for path, step, field in parts:
        inner = NeverNull(path, at.column, (*at.steps, step))
        if not field.nullable:
            yield inner
        yield from _inside(field.type, inner)


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
        *(f"column {field.path} is null" for field in never_null(table)),
        *(f"column {name} has a time outside of the years 1 to 9999" for name in with_times(table)),
        *(f"column {name} has a text that no partition holds" for name in text_partitions(table)),
        *(check.name for check in table.checks),
    ]


def first_check(table: Table) -> int:
    """Return the place of the first check."""
    return len(rule_names(table)) - len(table.checks)
