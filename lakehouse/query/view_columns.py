"""Describe a view: what it is, its columns with their meaning, and what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lakehouse.declare.column_types import type_text
from lakehouse.declare.user_files import read_text
from lakehouse.declare.view_docs import view_docs
from lakehouse.errors import MixlakeError
from lakehouse.query.connection import Connection
from lakehouse.query.sql_guard import quoted, table_names


@dataclass(frozen=True, slots=True)
class ViewDescription:
    """A view as it is declared.

    Args:
        name: Its name.
        doc: What it is.
        file: Its file.
        reads: The tables and views that it names, sorted.
        columns: One dictionary per column: column, type and meaning. A column that the file does not document has the
            meaning that the tables which the view reads, over other views too, agree on for that name.
    """

    name: str
    doc: str
    file: str
    reads: tuple[str, ...]
    columns: tuple[dict[str, str], ...]


def is_view(connection: Connection, name: str) -> bool:
    """Whether a name is a view's, and not a table's."""
    return name in connection.views() and name not in connection.project.registry.tables


def describe_view(connection: Connection, name: str) -> ViewDescription:
    """Describe a view.

    Raises:
        QueryError: If it is wrong.
    """
    path = connection.views()[name]
    text = read_text(path)
    schema = connection.table(f"SELECT * FROM {quoted(name)} LIMIT 0").schema  # noqa: S608 - quoted
    docs = view_docs(text, schema.names)
    inherited = _inherited(connection, name)
    columns = tuple(
        {
            "column": field.name,
            "type": type_text(field.type),
            "meaning": docs.columns.get(field.name) or inherited.get(field.name, ""),
        }
        for field in schema
    )
    return ViewDescription(name, docs.doc, str(path), tuple(sorted(_names(path))), columns)


def _inherited(connection: Connection, view: str) -> dict[str, str]:
    """Return the meaning of columns on which all tables that a view reads agree, by name."""
    meanings: dict[str, set[str]] = {}
    for meaning_of in _sources(connection, view, set()):
        for name, meaning in meaning_of.items():
            meanings.setdefault(name, set()).add(meaning)
    return {name: next(iter(found)) for name, found in meanings.items() if len(found) == 1}


def _sources(connection: Connection, view: str, seen: set[str]) -> Iterator[dict[str, str]]:
    """Yield the documented columns of the tables and views that a view reads."""
    tables, views = connection.project.registry.tables, connection.views()
    for name in sorted(_names(views[view]) - seen):
        seen.add(name)
        if name in tables:
            yield {column.name: column.doc for column in tables[name].columns if column.doc}
        elif name in views:
            try:
                columns = list(connection.columns(name))
            except MixlakeError:
                continue
            yield dict(view_docs(read_text(views[name]), columns).columns)
            yield from _sources(connection, name, seen)


def _names(path: Path) -> set[str]:
    return table_names(read_text(path).strip().rstrip(";")) or set()
