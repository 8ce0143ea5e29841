"""SQL over the lake with DuckDB: every table under its own name, at its latest version or at a pinned one.

Only what a statement names is opened. SQL can read the lake's tables and views, the relations of
`lakehouse.query.hidden_relations` and nothing else: no file, no network, no setting, and no statement that writes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from lakehouse.declare.contract import is_ledger
from lakehouse.declare.names import quote_name
from lakehouse.declare.user_files import read_text
from lakehouse.delta.scan import scan
from lakehouse.errors import MixlakeError, QueryError, TableNotFoundError, unknown_table
from lakehouse.interruption import run_interruptibly
from lakehouse.ledger import tables as ledger
from lakehouse.project import Project
from lakehouse.query import hidden_relations
from lakehouse.query.database import Database
from lakehouse.query.limits import Limits
from lakehouse.query.python_values import to_rows
from lakehouse.query.read_error import read_error
from lakehouse.query.sql_guard import (
    BUILT_IN,
    EXPLAIN,
    bind_error,
    error_message,
    is_show,
    missing_table,
    query_error,
    quoted,
    require_read_only,
    table_names,
)
from lakehouse.query.time_travel import Pins, require_written, resolve_at

log = logging.getLogger("mixlake.query")

Source = Callable[[str], object]
"""Returns what DuckDB reads a table's rows through, by the table's name."""

BATCH_ROWS = 10_000
_STOP_SECONDS = 0.3
_SHOWN = """
SELECT table_schema AS layer, table_name AS name FROM information_schema.tables
WHERE NOT starts_with(table_name, '__') AND NOT starts_with(table_schema, '__') ORDER BY ALL
"""


class Connection:
    """DuckDB over one lake. Each table is opened once, so that all statements see the same versions.

    Args:
        project: The project.
        pins: Which version of each table is meant.
        source: Where rows come from, by default the tables at the pinned versions.
        limits: What one statement may take.

    Examples:
        >>> with connect(lake, at="mix-1") as connection:  # doctest: +SKIP
        ...     connection.table("SELECT count(*) FROM gold.samples WHERE keep")
    """

    def __init__(
        self, project: Project, pins: Pins | None = None, *, source: Source | None = None, limits: Limits | None = None
    ) -> None:
        self.project = project
        self.pins = pins or Pins()
        self.versions: dict[str, int] = {}
        self._source = source or self._pinned_rows
        self._registered: set[str] = set()
        self._views: dict[str, Path] | None = None
        self._missing: dict[str, Exception] = {}
        self._later: dict[str, TableNotFoundError] = {}
        self._opened: list[tuple[str, DeltaTable]] = []
        self._database = Database(limits or Limits())
        self._engine = self._database.engine

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the connection, and delete what it spilled."""
        self._database.close()

    def reader(
        self, sql: str, parameters: Iterable[object] | None = None, *, batch_rows: int = BATCH_ROWS
    ) -> pa.RecordBatchReader:
        """Answer one statement as a stream of record batches.

        Args:
            sql: SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, SHOW TABLES or EXPLAIN, in DuckDB's dialect.
            parameters: Values of its ``?`` or ``$1`` places.
            batch_rows: Rows of a batch, about.

        Raises:
            QueryError: If it is not one such statement, does not parse, or cannot be answered.
            LimitError: If it takes more time, memory or disk than it may.
            TableNotFoundError: If it names a table or view that is not there.
        """
        values = list(parameters) if parameters is not None else None
        deadline = self._database.deadline()

        def answer() -> tuple[str, pa.RecordBatchReader]:
            text = self._prepared(sql)
            relation = lambda: self._engine.sql(text, params=values).to_arrow_reader(batch_rows)  # noqa: E731 - run again
            return text, self._answered(relation, text, values)

        text, stream = self._database.run(answer, deadline)
        return self._database.stream(stream, lambda error: self._query_error(error, text), deadline)

    def table(self, sql: str, parameters: Iterable[object] | None = None) -> pa.Table:
        """Answer one statement as a table; see `reader`."""
        answer: pa.Table = self.reader(sql, parameters).read_all()
        return answer

    def rows(self, sql: str, parameters: Iterable[object] | None = None) -> list[dict[str, Any]]:
        """Answer one statement as dictionaries; for small answers."""
        return to_rows(self.table(sql, parameters))

    def materialize(self, name: str, sql: str, parameters: Iterable[object] | None = None) -> None:
        """Keep a query's rows as a temporary table, on disk where they exceed memory; for the engine's own use."""
        self._define(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS", sql, parameters)

    def insert(self, name: str, sql: str, parameters: Iterable[object] | None = None) -> int:
        """Append a query's rows to a table that `materialize` made, and return how many there were."""
        return int(self._define(f"INSERT INTO {quoted(name)}", sql, parameters)[0])

    def create_view(self, name: str, sql: str) -> None:
        """Give a query over registered tables a name, for the statements that follow."""
        self._define(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS", sql)

    def register_rows(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Keep rows from elsewhere as a temporary table; a stream is read once."""
        stream = f"{name}__stream"
        self._engine.register(stream, rows)
        self._engine.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS FROM {quoted(stream)}")
        self._engine.unregister(stream)

    def _define(self, statement: str, sql: str, parameters: Iterable[object] | None = None) -> tuple[Any, ...]:
        """Run a statement of the engine's own that ends in a query; return its only row."""
        values = list(parameters or [])

        def define() -> tuple[Any, ...]:
            text = f"{statement} {self._prepared(sql)}"
            return self._answered(lambda: self._engine.execute(text, values).fetchone() or (), sql, values)

        return self._database.run(define, self._database.deadline())

    def columns(self, name: str) -> dict[str, str]:
        """Return the names of a table's columns at its pinned version, and their types in DuckDB.

        Raises:
            TableNotFoundError: If there is no such table.
        """
        sql = f"FROM {quoted(name)} LIMIT 0"

        def describe() -> list[Any]:
            self._register(name)
            return self._answered(lambda: self._engine.execute(sql).description or [], sql, None)

        described = self._database.run(describe)
        return {str(name): str(kind) for name, kind, *_ in described}

    def trained_releases(self) -> list[str]:
        """Return the names of the releases that training steps are recorded of, sorted."""
        rows = self.rows(f"SELECT DISTINCT release FROM {ledger.training_steps.name} ORDER BY ALL")  # noqa: S608 - a constant
        return [row["release"] for row in rows]

    def views(self) -> Mapping[str, Path]:
        """Return the views and their files, the configuration's own over the installed ones."""
        if self._views is None:
            self._views = {path.stem: path for path in self.project.registry.views}
        return self._views

    def _prepared(self, sql: str) -> str:
        if is_show(sql):
            self._register_all()
            return _SHOWN
        require_read_only(self._engine, sql)
        names = table_names(sql)
        if names is None:
            self._register_all()
        else:
            for name in names:
                self._register(name)
                if name in self._later and not is_ledger(name):
                    raise self._later[name]
        return sql

    def _answered[T](self, answer: Callable[[], T], sql: str, parameters: list[object] | None) -> T:
        """Run a query; where it names what was not foreseen, register everything and run it again."""
        try:
            return answer()
        except duckdb.CatalogException:
            self._register_all()
        except duckdb.Error as error:
            raise self._query_error(bind_error(self._engine, error, sql, parameters), sql) from None
        try:
            return answer()
        except duckdb.Error as error:
            bound = bind_error(self._engine, error, sql, parameters)
            name = missing_table(bound, f"{EXPLAIN}{sql}" if bound is not error else sql)
            if name is None:
                raise self._query_error(bound, sql) from None
            for other, missing in self._missing.items():
                if name in {other, other.split(".")[-1]}:
                    raise missing from None
            raise unknown_table(name, self.known()) from None

    def _query_error(self, error: BaseException, sql: str) -> MixlakeError:
        """Return an error as one line: of a table whose files cannot be read, the first such file."""
        if (limit := self._database.limit_error(error)) is not None:
            return limit
        return read_error(error, self._opened) or query_error(error, sql)

    def known(self) -> set[str]:
        """Return the names of all tables and views."""
        return {*self.project.catalog.names(), *self.project.registry.tables, *self.views()}

    def _register_all(self) -> None:
        for name in sorted(self.known()):
            try:
                self._register(name)
            except Exception as error:  # noqa: BLE001 - raised when a statement needs the table
                log.debug("%s is left out: %s", name, error)
                self._missing[name] = error

    def _register(self, name: str) -> None:
        """Make a table or view known to the engine; a name that is neither is left to the engine."""
        if name in self._registered:
            return
        layer, dot, _ = name.partition(".")
        if layer in hidden_relations.BY_SCHEMA:
            self._register_hidden(name)
            return
        if dot and layer not in BUILT_IN and self.project.catalog.has(name):
            self._bind(name, self._source(name))
            return
        if (path := self.views().get(name)) is not None:
            self._register_view(name, path)
        elif dot and layer not in BUILT_IN:
            rows = self.project.empty_rows(name)
            if rows is None:
                raise unknown_table(name, self.known())
            if self.pins.release:
                self.pins.version(self.project.catalog, name)  # refuses what is not part of the release
            self._bind(name, rows)

    def _pinned_rows(self, name: str) -> object:
        """Return the rows of a table at its pinned version, and record that version."""
        try:
            opened = self.project.catalog.open(name, self.pins.version(self.project.catalog, name))
        except TableNotFoundError as error:
            # Declared, and not yet written at the pinned time: to a view it has no rows.
            rows = self.project.empty_rows(name) if self.pins.time is not None else None
            if rows is None:
                raise
            self._later[name] = error
            return rows
        self.versions[name] = int(opened.version())
        return self._scan(name, opened)

    def _scan(self, name: str, table: DeltaTable) -> object:
        self._opened.append((name, table))
        return scan(table, name)

    def _register_hidden(self, name: str) -> None:
        """Define one of the relations of `lakehouse.query.hidden_relations`, by their text."""
        layer, _, table = name.partition(".")
        self._registered.add(name)
        text = hidden_relations.BY_SCHEMA[layer](self, table)
        self._engine.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(layer)}")
        try:
            self._engine.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {text}")
        except duckdb.Error as error:
            self._registered.discard(name)
            raise QueryError(f"the rows of {name} cannot be united: {error_message(error)}") from None

    def rows_at(self, name: str, version: int) -> str:
        """Return, for the engine's own statements, a relation of a table's rows at a version."""
        hidden = f"__{name}@{version}"
        if hidden not in self._registered:
            self._engine.register(hidden, self._scan(name, self.project.catalog.open(name, version)))
            self._registered.add(hidden)
        return f"temp.{quote_name(hidden)}"

    def empty_rows(self, name: str) -> str | None:
        """Return a relation without rows under a declared table's schema; None where no contract declares it."""
        if (rows := self.project.empty_rows(name)) is None:
            return None
        self._engine.register(f"__{name}@none", rows)
        return f"temp.{quote_name(f'__{name}@none')}"

    def _register_view(self, name: str, path: Path) -> None:
        self._registered.add(name)  # before its own names: a view that names itself is the engine's error
        text = read_text(path).strip().rstrip(";")
        names = table_names(text)
        for other in sorted(self.known() - {name} if names is None else names):
            self._register(other)
        layer, dot, _ = name.partition(".")
        if dot:
            self._engine.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(layer)}")
        try:
            self._engine.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {text}")
        except duckdb.Error as error:
            self._registered.discard(name)  # naming it again gives the same error
            raise QueryError(f"the view {name} ({path}) is wrong: {error_message(error)}", "fix the file") from None

    def _bind(self, name: str, rows: object) -> None:
        hidden = f"__{name}"
        self._engine.register(hidden, rows)
        self._engine.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name.split('.', 1)[0])}")
        self._engine.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS SELECT * FROM temp.{quote_name(hidden)}")  # noqa: S608 - quoted
        self._registered.add(name)


def connect(
    project: Project,
    at: str | None = None,
    tables: Mapping[str, int] | None = None,
    *,
    limits: Limits | None = None,
) -> Connection:
    """Open DuckDB over a lake.

    Args:
        project: The project.
        at: A release, a time, ``TABLE@VERSION`` or a version; see `lakehouse.query.time_travel.resolve_at`.
        tables: Versions of single tables, which win over `at`.
        limits: What one statement may take.

    Raises:
        ReleaseError: If `at` names no live release.
        TableNotFoundError: If `at` is a time before the lake's first table.
    """
    # In another thread, which Ctrl-C ends: a store that does not answer is waited for.
    pins = run_interruptibly(lambda: _resolved(project, at), _STOP_SECONDS)
    if tables:
        pins = Pins({**pins.versions, **tables}, pins.release, pins.time, pins.every)
    return Connection(project, pins, limits=limits)


def _resolved(project: Project, at: str | None) -> Pins:
    pins = resolve_at(project, at)
    if pins.time is not None:
        require_written(project.catalog, pins.time)
    return pins
