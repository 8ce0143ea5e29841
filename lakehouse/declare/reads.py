"""The inputs of a flow: tables, and unions of all tables that carry a tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.errors import FlowError


@dataclass(frozen=True, slots=True)
class Read:
    """One input of a flow: a table, or the union of all tables that carry a tag.

    Args:
        table: Name of the table; empty for a union.
        tag: Name of the union; empty for a table.
        where: Spark SQL predicate that rows must satisfy to be read.
        columns: Columns to read; empty means all. A union names the columns that its tables share.
    """

    table: str = ""
    tag: str = ""
    where: str = ""
    columns: tuple[Column | str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns to read."""
        return tuple(c if isinstance(c, str) else c.name for c in self.columns)


def read(table: Table | str, *, where: str = "", columns: Sequence[str] = ()) -> Read:
    """Read some rows or columns of a table.

    Raises:
        FlowError: If `columns` is not a list of names.
    """
    _require_columns(columns)
    return Read(table=table if isinstance(table, str) else table.name, where=where, columns=tuple(columns))


def tagged(tag: str, *, columns: Sequence[Column | str], where: str = "") -> Read:
    """Read the union of all tables that carry a tag, so that a user's own table joins by declaring it.

    Raises:
        FlowError: If `columns` is not a list of columns.
    """
    _require_columns(columns)
    return Read(tag=tag, where=where, columns=tuple(columns))


def _require_columns(columns: object) -> None:
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        raise FlowError(f"columns is {columns!r}, which must be a list", "write columns=[...]")
