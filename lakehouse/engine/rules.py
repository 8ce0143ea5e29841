"""The rules of a contract that rows may break, each known by its place: what is never null, then checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.engine.conform_types import element_path, entry_path, field_path, is_list

# Columns beside the contract's while rows are checked. ``_reject`` holds the whole reason as it is quarantined; the
# reason by which rows are counted is a function's up to its first colon, or the name of the first rule that is broken.
REASON = "_reason"
# int32 list: places of all rules that the row breaks; none where the function itself rejected it.
BROKEN = "_broken"
JOINED_BY = "; "


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
    """Return what the contract requires; the engine gives ``run_id`` itself."""
    columns = [NeverNull(name, name) for name in table.required if name != "run_id"]
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


def rule_names(table: Table) -> list[str]:
    """Return what each rule is called in quarantine, by its place."""
    return [*(f"column {field.path} is null" for field in never_null(table)), *(check.name for check in table.checks)]


def first_check(table: Table) -> int:
    """Return the place of the first check."""
    return len(never_null(table))
