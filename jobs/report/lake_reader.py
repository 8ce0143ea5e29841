"""What the pages read of a lake: few rows at a time, all at the versions that were asked for."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from lakehouse.delta.data_files import totals
from lakehouse.errors import MixlakeError, ReleaseError, TableNotFoundError
from lakehouse.project import Project
from lakehouse.query.connection import connect

ROWS = 500
"""Rows that a page shows of one question at most."""


class LakeReader:
    """A lake at one point, for queries whose answers are small.

    Args:
        project: The project.
        at: A release, a time, ``TABLE@VERSION`` or a version; None for the latest versions.

    Attributes:
        gaps: Why something was not read, by what it was.
        damaged: What of it is there and cannot be read.
    """

    def __init__(self, project: Project, at: str | None = None) -> None:
        self.project = project
        self.at = at
        self.gaps: dict[str, str] = {}
        self.damaged: set[str] = set()
        self._connection = connect(project, at)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def pins(self) -> dict[str, int]:
        """The versions that a release or the user pins, by table; empty at the latest versions."""
        return dict(self._connection.pins.versions)

    @property
    def release(self) -> str:
        """The release that is read, empty where none is."""
        return self._connection.pins.release

    def rows(self, what: str, sql: str, parameters: Iterable[object] | None = None) -> list[dict[str, Any]]:
        """Answer a query with at most `ROWS` rows; none where its tables are missing or unreadable, and a gap.

        Args:
            what: What is read, for the remark where it cannot be.
            sql: One SELECT.
            parameters: Values of its places.
        """
        limited = f"SELECT * FROM ({sql}) LIMIT {ROWS}"  # noqa: S608 - the caller's own statement
        try:
            return self._connection.rows(limited, parameters)
        except MixlakeError as error:
            self._note(what, error)
            return []

    def columns(self, name: str) -> dict[str, str]:
        """Return a table's columns and their types in DuckDB, none where it cannot be read."""
        try:
            return self._connection.columns(name)
        except MixlakeError as error:
            self._note(name, error)
            return {}

    def _note(self, what: str, error: MixlakeError) -> None:
        self.gaps[what] = str(error.message)
        if not isinstance(error, TableNotFoundError | ReleaseError):
            self.damaged.add(what)

    def extent(self, name: str) -> tuple[int, int, int] | None:
        """Return version, rows and bytes of a table from its log; None where it is not there."""
        try:
            opened = self.project.catalog.open(name, self._connection.pins.version(self.project.catalog, name))
            rows, size = totals(opened)
        except (TableNotFoundError, ReleaseError):
            return None
        except MixlakeError as error:
            self._note(name, error)
            return None
        return int(opened.version()), rows, size

    def stored_columns(self, name: str) -> dict[str, str]:
        """Return the names and types of a table's columns from its log; none where it is not there."""
        try:
            opened = self.project.catalog.open(name, self._connection.pins.version(self.project.catalog, name))
        except MixlakeError:
            return {}
        return {field.name: _type_name(field.type) for field in opened.schema().fields}


def _type_name(kind: Any) -> str:
    text = getattr(kind, "type", None)
    return text if isinstance(text, str) and text not in {"struct", "array", "map"} else str(kind)
