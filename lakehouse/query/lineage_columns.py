"""The lineage columns of all tables as one view: which sample is in which table, and what it was made from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from lakehouse.declare import lineage_columns
from lakehouse.declare.contract import is_ledger
from lakehouse.errors import ReleaseError, TableNotFoundError
from lakehouse.query.connection import Connection
from lakehouse.query.sql_guard import literal, quoted

VIEW = "__lineage"
# Tables with this tag hold pairs of duplicates, which were verified: sample_id repeats keeper_id.
DUPLICATES_TAG = "duplicates"
# Column and its type in DuckDB.
TYPES: Mapping[str, str] = {
    name: "VARCHAR" if pa.types.is_string(kind) else "VARCHAR[]" for name, kind in lineage_columns.TYPES.items()
}


def create_lineage_view(
    connection: Connection, columns: Sequence[str], tables: Collection[str] | None = None, *, view: str = VIEW
) -> tuple[str, ...]:
    """Create a temporary view: a row for each row of each table that has mixlake's ``sample_id``.

    Args:
        connection: SQL over the lake; its pins say at which versions.
        columns: Columns of the view besides ``table``, of `TYPES`; null where a table lacks one. ``keeper_id`` is
            null except in tables of verified duplicates.
        tables: The tables to take in, by default all but the ledger's.
        view: Its name, by default ``__lineage``.

    Returns:
        The tables that the view unites.
    """
    united: list[str] = []
    parts = [f"SELECT ''::VARCHAR AS \"table\", {_selected(columns, ())} WHERE false"]
    for name in connection.project.catalog.names():
        if is_ledger(name) or (tables is not None and name not in tables):
            continue
        try:
            present = set(connection.project.lineage_columns(name, connection.columns(name)))
        except (ReleaseError, TableNotFoundError):
            continue  # not part of the release, or created later
        if lineage_columns.SAMPLE_ID not in present:
            continue
        contract = connection.project.registry.tables.get(name)
        if contract is None or DUPLICATES_TAG not in contract.tags:
            present.discard("keeper_id")
        united.append(name)
        parts.append(f'SELECT {literal(name)} AS "table", {_selected(columns, present)} FROM {quoted(name)}')  # noqa: S608 - quoted
    connection.create_view(view, " UNION ALL ".join(parts))
    return tuple(united)


def _selected(columns: Sequence[str], present: Collection[str]) -> str:
    return ", ".join(f"{c if c in present else 'NULL'}::{TYPES[c]} AS {c}" for c in columns)
