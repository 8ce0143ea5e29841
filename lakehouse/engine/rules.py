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
class Part:
    """A column, or a part of a nested value, that a rule is about.

    Args:
        path: What it is called: ``lat``, ``place.lat``, ``rows[].x``, ``tags{value}``.
        column: The column.
        kind: The part's type.
        steps: The way from the column to the part, none for the column itself.
    """

    path: str
    column: str
    kind: pa.DataType
    steps: tuple[Into, ...] = ()


def never_null(table: Table) -> list[Part]:
    """Return the columns, and the fields inside of them, that the contract requires of a flow."""
    given = {column.name for column in given_columns(table)}
    columns = [_whole(table.column(name)) for name in table.required if name in given]
    nested = [part for column in table.columns for part, nullable in _inside(_whole(column)) if not nullable]
    return [*columns, *nested]


def texts(table: Table) -> list[Part]:
    """Return the columns, and the parts inside of them, that are texts."""
    return [part for part in _parts(table) if pa.types.is_string(part.kind)]


def maps(table: Table) -> list[Part]:
    """Return the columns, and the parts inside of them, that are maps."""
    return [part for part in _parts(table) if pa.types.is_map(part.kind)]


def map_steps(kind: pa.DataType) -> list[tuple[Into, ...]]:
    """Return the ways from a value of a type to the maps that it is or holds."""
    whole = Part("", "", kind)
    return [part.steps for part in (whole, *(part for part, _ in _inside(whole))) if pa.types.is_map(part.kind)]


def _parts(table: Table) -> Iterator[Part]:
    for column in given_columns(table):
        yield _whole(column)
        yield from (part for part, _ in _inside(_whole(column)))


def _whole(column: Column) -> Part:
    return Part(column.name, column.name, column.type)


def _inside(at: Part) -> Iterator[tuple[Part, bool]]:
    """Yield the parts of a value, and whether each may be null; a map's keys cannot be."""
    kind = at.kind
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
        inner = Part(path, at.column, field.type, (*at.steps, step))
        yield inner, field.nullable
        yield from _inside(inner)


def with_times(table: Table) -> list[str]:
    """Return the columns that hold dates or timestamps at any depth."""
    return [column.name for column in table.columns if holds_times(column.type)]


def text_partitions(table: Table) -> list[str]:
    """Return the columns of texts by which the table is partitioned."""
    return [name for name in table.partition_by if pa.types.is_string(table.column(name).type)]


def most_bytes(column: str) -> int:
    """Return how many bytes a folder's name leaves for a partition's text, as it is written there.

    The column's name stands there as it is: it has letters, digits and underscores, of which no writer escapes any.
    """
    return _FOLDER_BYTES - len(column.encode()) - 1


def rule_names(table: Table) -> list[str]:
    """Return what each rule is called in quarantine, by its place."""
    return [
        *(f"column {field.path} is null" for field in never_null(table)),
        *(f"column {name} has a time outside of the years 1 to 9999" for name in with_times(table)),
        *(f"column {name} has a text that no partition holds" for name in text_partitions(table)),
        *(f"column {part.path} has a text that is not valid UTF-8" for part in texts(table)),
        *(f"column {part.path} has a map with a key twice" for part in maps(table)),
        *(check.name for check in table.checks),
    ]


def first_unreadable(table: Table) -> int:
    """Return the place of the first rule of texts and maps that readers disagree on.

    All such rules stand before the checks, which are not asked of a row that breaks one.
    """
    return first_check(table) - len(texts(table)) - len(maps(table))


def first_check(table: Table) -> int:
    """Return the place of the first check."""
    return len(rule_names(table)) - len(table.checks)
