"""The Python API of the engine: SQL, tables, plans and runs of one lake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from lakehouse.declare.config import Config, load_config
from lakehouse.declare.registry import Registry
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.scan import Rows, scan
from lakehouse.export.export import export
from lakehouse.export.manifest import Manifest
from lakehouse.export.request import Request
from lakehouse.plan.plan import Plan, make_plan
from lakehouse.project import Project
from lakehouse.query.answer_format import Format, answer
from lakehouse.query.connection import connect
from lakehouse.query.sql_guard import quoted
from lakehouse.query.time_travel import resolve_at
from lakehouse.run.report import Report
from lakehouse.run.run import run

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


class Lake:
    """A lake at one location.

    Args:
        uri: A folder or an object-store URI; by default the configuration's.
        config: By default the configuration that governs the current folder.

    Raises:
        ConfigError: If the configuration cannot be read, or Delta's readers cannot open tables at that place.

    Examples:
        >>> Lake("./lake").sql("SELECT 1 AS one").to_pydict()
        {'one': [1]}
    """

    def __init__(self, uri: str | None = None, config: Config | None = None) -> None:
        found = config or load_config()
        self.project = Project(found.with_lake(str(uri)) if uri else found)
        self.catalog: Catalog = self.project.catalog

    @property
    def uri(self) -> str:
        """The lake's folder or object-store URI."""
        return self.catalog.uri

    @property
    def config(self) -> Config:
        """The configuration that governs the lake."""
        return self.project.config

    @property
    def registry(self) -> Registry:
        """The tables and flows that are declared."""
        return self.project.registry

    @overload
    def sql(
        self,
        text: str,
        at: str | None = ...,
        *,
        parameters: Iterable[object] | None = ...,
        format: Literal["arrow"] = ...,
    ) -> pa.Table: ...
    @overload
    def sql(
        self, text: str, at: str | None = ..., *, parameters: Iterable[object] | None = ..., format: Literal["polars"]
    ) -> pl.DataFrame: ...
    @overload
    def sql(
        self, text: str, at: str | None = ..., *, parameters: Iterable[object] | None = ..., format: Literal["reader"]
    ) -> pa.RecordBatchReader: ...
    def sql(
        self,
        text: str,
        at: str | None = None,
        *,
        parameters: Iterable[object] | None = None,
        format: Format = "arrow",  # noqa: A002 - the public word for it
    ) -> Any:
        """Run SQL over the lake's tables and views, each under its own name; nothing can be written.

        Args:
            text: One statement that reads, in DuckDB's dialect.
            at: A release, a time, a version, or ``TABLE@VERSION``, several separated by commas; by default the
                latest versions. See `lakehouse.query.time_travel.resolve_at`.
            parameters: Values of its ``?`` or ``$1`` places.
            format: "arrow" for a table, "polars" for a frame, "reader" for a stream of record batches, which holds
                no more than a few of them at a time.

        Raises:
            QueryError: If it does not parse, would write, or cannot be answered.
            TableNotFoundError: If it names what is not there.
            ReleaseError: If `at` names no live release.

        Examples:
            >>> Lake("./lake").sql("SELECT ? AS one", parameters=[1], format="polars").item()
            1
        """
        return answer(connect(self.project, at), text, format, parameters)

    @overload
    def table(
        self, name: str, version: int | None = ..., *, at: str | None = ..., format: Literal["arrow"] = ...
    ) -> pa.Table: ...
    @overload
    def table(
        self, name: str, version: int | None = ..., *, at: str | None = ..., format: Literal["polars"]
    ) -> pl.DataFrame: ...
    @overload
    def table(
        self, name: str, version: int | None = ..., *, at: str | None = ..., format: Literal["reader"]
    ) -> pa.RecordBatchReader: ...
    def table(
        self,
        name: str,
        version: int | None = None,
        *,
        at: str | None = None,
        format: Format = "arrow",  # noqa: A002 - the public word for it
    ) -> Any:
        """Read a table whole, at a version, or at what `at` means; see `sql`."""
        # Refused where it is not there; SQL takes a declared table that was never written for an empty one.
        self.catalog.open(
            name, version if version is not None else resolve_at(self.project, at).version(self.catalog, name)
        )
        pinned = None if version is None else {name: version}
        return answer(connect(self.project, at, pinned), f"SELECT * FROM {quoted(name)}", format)  # noqa: S608 - quoted

    def scan(self, name: str, at: str | None = None) -> pl.LazyFrame:
        """Return a table as a lazy Polars frame, which reads only the rows and columns that are needed.

        Args:
            name: The table.
            at: What `sql` takes.

        Raises:
            TableNotFoundError: If the table, or that version of it, does not exist.
            LakeError: If the table needs a reader feature that Polars does not apply.
        """
        import polars as pl

        opened = self.catalog.open(name, resolve_at(self.project, at).version(self.catalog, name))
        if isinstance(scan(opened, name), Rows):
            return pl.DataFrame(scan(opened, name)).lazy()
        return pl.scan_delta(opened)

    def export(  # noqa: PLR0913 - one an option
        self,
        folder: str | Path,
        tables: Sequence[str] = (),
        *,
        sql: str | None = None,
        at: str | None = None,
        format: str = "parquet",  # noqa: A002 - the public word for it
        options: Mapping[str, str] | None = None,
        force: bool = False,
    ) -> Manifest:
        """Export tables, a statement's rows or a release to files, or continue an export that was stopped.

        Args:
            folder: Where to.
            tables: Tables or views; none, with a release as `at`, for all tables of the release.
            sql: A statement instead of tables.
            at: What `sql` takes.
            format: Name of the format; see `lakehouse.export.formats`.
            options: Options of the format.
            force: Whether an earlier export, and files of the same names, are replaced.

        Returns:
            The manifest: each file's digest and rows, and what was read.

        Raises:
            ExportError: If the folder is occupied, an unfinished export cannot go on, or the format cannot hold a
                column or a value.
            TableNotFoundError: If a table is not there.
            QueryError: If the statement cannot be answered.
        """
        request = Request("", tuple(tables), sql, at, format, dict(options or {}))
        return export(self.project, request, Path(folder), force=force).manifest

    def plan(
        self,
        select: Sequence[str] = (),
        *,
        full: bool = False,
        retry: bool = False,
        params: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Plan:
        """Return what is stale, and why; see `lakehouse.plan.plan.make_plan`."""
        return make_plan(self.project.with_params(params or {}), tuple(select), full=full, retry=retry)

    def run(
        self,
        select: Sequence[str] = (),
        *,
        full: bool = False,
        retry: bool = False,
        migrate: bool = False,
        verify: bool = False,
        params: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Report:
        """Run what is stale; see `lakehouse.run.run.run` and, for `verify`, `lakehouse.execute.read_back`."""
        project = self.project.with_params(params or {}).with_verify(verify=verify)
        return run(project, tuple(select), full=full, retry=retry, migrate=migrate)
