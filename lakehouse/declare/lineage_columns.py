"""Which columns of a user's table are mixlake's own: lineage, by which rows are traced and retracted, and the run.

A contract says so of each column whose name and type mixlake uses, by `lakehouse.declare.column.Column.lineage`. Of a
table that no contract declares, name and type decide. A column of any other type belongs to the user.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import pyarrow as pa

SAMPLE_ID, RUN_ID = "sample_id", "run_id"

# mixlake's columns and their types.
TYPES: Mapping[str, pa.DataType] = {
    SAMPLE_ID: pa.string(),
    "parent_ids": pa.list_(pa.string()),
    RUN_ID: pa.string(),
    "source": pa.string(),
    "license": pa.string(),
    "uri": pa.string(),
    "content_id": pa.string(),
    "keeper_id": pa.string(),
}


class DeclaredColumn(Protocol):
    """A column of a contract, see there."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def type(self) -> pa.DataType:
        """Its Arrow type."""

    @property
    def lineage(self) -> bool | None:
        """Whether it is mixlake's; None where that is not stated."""


def fits(name: str, kind: object) -> bool:
    """Whether a column has the name and the type of one of mixlake's.

    Args:
        name: Its name.
        kind: Its type: Arrow's, as a Delta log writes it in JSON, or as DuckDB names it.
    """
    wanted = TYPES.get(name)
    if wanted is None:
        return False
    return _is_text(kind) if pa.types.is_string(wanted) else _is_list_of_texts(kind)


def unstated(columns: Iterable[DeclaredColumn]) -> DeclaredColumn | None:
    """Return the first column of a contract that mixlake might take for its own and that does not say whose it is.

    Columns other than ``sample_id`` and ``run_id`` have no meaning in a table whose rows are not samples.
    """
    columns = list(columns)
    counted = {SAMPLE_ID, RUN_ID}
    if any(column.name == SAMPLE_ID and column.lineage for column in columns):
        counted |= TYPES.keys()
    found = (c for c in columns if c.lineage is None and c.name in counted and fits(c.name, c.type))
    return next(found, None)


def lineage_columns(stored: Mapping[str, object], declared: Iterable[DeclaredColumn] = ()) -> frozenset[str]:
    """Return the names of mixlake's own columns among those of a stored table.

    Args:
        stored: Type of each column, see `fits`. A version may be older than the contract and have other types.
        declared: The columns of its contract, none where no contract declares it.
    """
    owners = {column.name: column.lineage for column in declared}
    return frozenset(name for name, kind in stored.items() if owners.get(name, True) and fits(name, kind))


def _is_text(kind: object) -> bool:
    if isinstance(kind, pa.DataType):
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
    return kind in ("string", "VARCHAR")


def _is_list_of_texts(kind: object) -> bool:
    if isinstance(kind, Mapping):
        return kind.get("type") == "array" and _is_text(kind.get("elementType"))
    if isinstance(kind, pa.DataType):
        lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_list_view, pa.types.is_large_list_view)
        return any(test(kind) for test in lists) and _is_text(kind.value_type)
    return kind == "VARCHAR[]"
