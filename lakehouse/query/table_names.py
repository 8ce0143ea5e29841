"""Resolve the table names that a person types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.errors import TableNotFoundError, UsageError, unknown_table
from lakehouse.project import Project

if TYPE_CHECKING:
    from deltalake import DeltaTable


def parse_table(text: str) -> tuple[str, int | None]:
    """Split ``TABLE@VERSION``.

    Raises:
        UsageError: If the version is not a whole number.
    """
    name, at, version = text.partition("@")
    if not at:
        return name, None
    if not version.isdigit():
        raise UsageError(f"{version!r} is not a version", f"write {name}@3")
    return name, int(version)


def refuse_view(project: Project, name: str, rows: int = 10) -> None:
    """Raise if a name is a view's, where a table is needed.

    Raises:
        UsageError: If the name is a view's.
    """
    if any(path.stem == name for path in project.registry.views):
        raise UsageError(f"{name} is a view", f'query it: mixlake sql "FROM {name} LIMIT {rows}"')


def open_named(project: Project, name: str) -> DeltaTable:
    """Open a table that a person has named.

    Raises:
        TableNotFoundError: If it was never written; the hint names similar tables where it is not declared either.
        UsageError: If it is a view.
        LakeError: If it cannot be read.
    """
    try:
        return project.catalog.open(name)
    except TableNotFoundError:
        refuse_view(project, name)
        known = {*project.registry.tables, *project.catalog.names()}
        if "." not in name or name in known:
            raise
        raise unknown_table(name, known) from None
