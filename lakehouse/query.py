"""SQL over the lake with DuckDB: every table under its own name, at its latest version or at a pinned one.

Only what a statement names is opened. SQL can read the lake's tables and views and nothing else: no file,
no network, no setting, and no statement that writes.

Views may read ``__trained.NAME``: the rows of ``gold.NAME`` as training saw them, with the column `release`
first. It unites the versions that the releases named in ``ledger.training_steps`` pin, since a position names
a row only there. At a release, it is that release's alone.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import duckdb
import pyarrow as pa

from lakehouse import ledger
from lakehouse.catalog import unknown_table
from lakehouse.errors import QueryError, TableNotFoundError
from lakehouse.snapshot import Pins, empty, pinned_version, resolve_at, scan

if TYPE_CHECKING:
    import polars as pl

    from lakehouse.lake import Lake

log = logging.getLogger("mixlake.query")

T = TypeVar("T")

BATCH_ROWS = 10_000
_READ_ONLY = {"SELECT", "EXPLAIN", "MULTI"}
_SHOW = re.compile(r"^\s*show\s+(all\s+)?tables\s*;?\s*$", re.IGNORECASE)
_BUILT_IN = {"information_schema", "pg_catalog", "main", "temp", "system"}
_SHOWN = """
SELECT table_schema AS layer, table_name AS name FROM information_schema.tables
WHERE NOT starts_with(table_name, '__') AND NOT starts_with(table_schema, '__') ORDER BY ALL
"""
_TRAINED = "__trained"


class Connection:
    """DuckDB over one lake. Each table is opened once, so that all statements see the same versions.

    Args:
        lake: The lake.
        pins: Which version of each table is meant.
        threads: Threads of the query engine, by default one a core.

    Examples:
        >>> with connect(lake, at="mix-1") as connection:  # doctest: +SKIP
        ...     connection.table("SELECT count(*) FROM gold.samples WHERE keep")
    """

    def __init__(self, lake: Lake, pins: Pins | None = None, threads: int | None = None) -> None:
        """Start an engine that knows no table yet."""
        self.lake = lake
        self.pins = pins or Pins()
        self.versions: dict[str, int] = {}
        self._registered: set[str] = set()
        self._views: dict[str, Path] | None = None
        self._missing: dict[str, Exception] = {}
        self._engine = duckdb.connect(":memory:")
        self._engine.execute("SET TimeZone = 'UTC'")
        # Where a large sort or join spills to; the engine removes its files.
        spill = Path(tempfile.gettempdir(), f"mixlake-sql-{os.getpid()}")
        self._engine.execute(f"SET temp_directory = '{str(spill).replace("'", "''")}'")
        self._engine.execute("SET python_enable_replacements = false")
        if threads:
            self._engine.execute(f"SET threads = {int(threads)}")
        self._engine.execute("SET enable_external_access = false")
        self._engine.execute("SET lock_configuration = true")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Let go of the tables."""
        self._engine.close()

    def reader(self, sql: str, parameters: Iterable[object] | None = None) -> pa.RecordBatchReader:
        """Answer one statement as a stream of record batches.

        Args:
            sql: SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, SHOW TABLES or EXPLAIN, in DuckDB's dialect.
            parameters: Values of its ``?`` or ``$1`` places.

        Raises:
            QueryError: If it is not one such statement, does not parse, or cannot be answered.
            TableNotFoundError: If it names a table or view that is not there.
        """
        text = self._prepared(sql)

        def answer() -> pa.RecordBatchReader:
            found = self._engine.sql(text, params=list(parameters) if parameters is not None else None)
            return found.to_arrow_reader(BATCH_ROWS)

        return _guarded(self._answered(answer, text), text)

    def table(self, sql: str, parameters: Iterable[object] | None = None) -> pa.Table:
        """Answer one statement as a table; see `reader`."""
        found: pa.Table = self.reader(sql, parameters).read_all()
        return found

    def rows(self, sql: str, parameters: Iterable[object] | None = None) -> list[dict[str, Any]]:
        """Answer one statement as dictionaries; for small answers."""
        found: list[dict[str, Any]] = self.table(sql, parameters).to_pylist(maps_as_pydicts="strict")
        return found

    def hold(self, name: str, sql: str, parameters: Iterable[object] | None = None) -> None:
        """Keep a query's rows under a name for the statements that follow; for the engine's own use."""
        text = self._prepared(sql)
        answer = self._answered(lambda: self._engine.sql(text, params=list(parameters or [])).to_arrow_table(), text)
        self._engine.register(f"{name}__new", answer)
        self._engine.execute(f"CREATE OR REPLACE TEMP TABLE {_quoted(name)} AS SELECT * FROM {_quoted(f'{name}__new')}")  # noqa: S608 - quoted
        self._engine.unregister(f"{name}__new")

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the names of a table's columns at its pinned version.

        Raises:
            TableNotFoundError: If there is no such table.
        """
        self._register(name)
        found = self._engine.execute(f"FROM {_quoted(name)} LIMIT 0").description or []
        return tuple(str(column[0]) for column in found)

    def views(self) -> Mapping[str, Path]:
        """Return the views and their files, the configuration's own over the installed ones."""
        if self._views is None:
            self._views = {path.stem: path for path in self.lake.registry.views}
        return self._views

    def _prepared(self, sql: str) -> str:
        if _SHOW.match(sql):
            self._register_all()
            return _SHOWN
        try:
            statements = self._engine.extract_statements(sql)
        except duckdb.Error as error:
            raise _syntax_error(error) from None
        if not statements:
            raise QueryError("there is no statement", "write a SELECT")
        kinds = [statement.type.name for statement in statements]
        if len(kinds) > 1:
            raise QueryError(f"there are {len(kinds)} statements", "ask one at a time")
        # PIVOT is one statement that DuckDB runs as several; it must not be a way around.
        if kinds[0] not in _READ_ONLY or (
            kinds[0] == "MULTI" and not re.match(r"\s*(pivot|with|from|select)\b", sql, re.IGNORECASE)
        ):
            raise QueryError(f"{kinds[0]} is not allowed: SQL only reads", "flows write tables; see mixlake run")
        names = _names(sql)
        if names is None:
            self._register_all()
        else:
            for name in names:
                self._register(name)
        return sql

    def _answered(self, answer: Callable[[], T], sql: str) -> T:
        """Run a query; where it names what was not foreseen, register everything and run it again."""
        try:
            return answer()
        except duckdb.CatalogException:
            self._register_all()
        except duckdb.Error as error:
            raise _query_error(error, sql) from None
        try:
            return answer()
        except duckdb.CatalogException as error:
            found = re.search(r"(?:Table|View) with name \"?(.+?)\"? does not exist", str(error))
            if found:
                for name, missing in self._missing.items():
                    if found[1] in {name, name.split(".")[-1]}:
                        raise missing from None
                raise unknown_table(found[1], self._known()) from None
            raise _query_error(error, sql) from None
        except duckdb.Error as error:
            raise _query_error(error, sql) from None

    def _known(self) -> set[str]:
        return {*self.lake.names(), *self.lake.registry.tables, *self.views()}

    def _register_all(self) -> None:
        for name in sorted(self._known()):
            try:
                self._register(name)
            except Exception as error:  # noqa: BLE001 - told when a statement turns out to need the table
                log.debug("%s is left out: %s", name, error)
                self._missing[name] = error

    def _register(self, name: str) -> None:
        """Make a table or view known to the engine; a name that is neither is left to the engine."""
        if name in self._registered:
            return
        layer, dot, table = name.partition(".")
        if layer == _TRAINED:
            self._register_trained(name, f"gold.{table}")
            return
        if dot and layer not in _BUILT_IN and self.lake.has(name):
            self._register_table(name)
            return
        if (path := self.views().get(name)) is not None:
            self._register_view(name, path)
        elif dot and layer not in _BUILT_IN:
            rows = empty(self.lake, name)
            if rows is None:
                raise unknown_table(name, self._known())
            if self.pins.release:
                self.pins.version(self.lake, name)  # refuses what is not part of the release
            self._bind(name, rows)

    def _register_table(self, name: str) -> None:
        try:
            opened = self.lake.open(name, self.pins.version(self.lake, name))
        except TableNotFoundError:
            # Declared, and not yet written at the time that is asked about: it had no rows.
            rows = empty(self.lake, name) if self.pins.time is not None else None
            if rows is None:
                raise
            self._bind(name, rows)
            return
        self._bind(name, scan(opened, name))
        self.versions[name] = int(opened.version())

    def _register_trained(self, name: str, table: str) -> None:
        """Unite a table's rows over the releases that were trained on, each at the version that it pins."""
        steps = ledger.training_steps.name
        self._register(steps)
        found = self._engine.execute(f"SELECT DISTINCT release FROM {_quoted(steps)} ORDER BY ALL").fetchall()  # noqa: S608 - quoted
        parts = []
        for (release,) in found:
            if self.pins.release and release != self.pins.release:
                continue
            version = pinned_version(self.lake, release, table)
            if version is None:
                continue
            hidden = f"__{table}@{version}"
            self._engine.register(hidden, scan(self.lake.open(table, version), table))
            literal = release.replace("'", "''")
            parts.append(f"SELECT '{literal}' AS release, * FROM temp.\"{hidden}\"")  # noqa: S608 - quoted
        if not parts:
            rows = empty(self.lake, table)
            if rows is None:
                raise unknown_table(table, self._known())
            self._engine.register(f"__{table}@none", rows)
            parts.append(f"SELECT '' AS release, * FROM temp.\"__{table}@none\"")  # noqa: S608 - quoted
        # By name: a table may have gained columns between two releases.
        text = " UNION ALL BY NAME ".join(parts)
        self._engine.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(_TRAINED)}")
        self._engine.execute(f"CREATE OR REPLACE VIEW {_quoted(name)} AS {text}")
        self._registered.add(name)

    def _register_view(self, name: str, path: Path) -> None:
        self._registered.add(name)  # before its own names: a view that names itself is the engine's error
        text = path.read_text(encoding="utf-8").strip().rstrip(";")
        names = _names(text)
        for other in sorted(self._known() - {name} if names is None else names):
            self._register(other)
        layer, dot, _ = name.partition(".")
        if dot:
            self._engine.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(layer)}")
        try:
            self._engine.execute(f"CREATE OR REPLACE VIEW {_quoted(name)} AS {text}")
        except duckdb.Error as error:
            raise QueryError(f"the view {name} ({path}) is wrong: {_first(error)}", "mend the file") from None

    def _bind(self, name: str, rows: object) -> None:
        hidden = f"__{name}"
        self._engine.register(hidden, rows)
        self._engine.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(name.split('.', 1)[0])}")
        self._engine.execute(f'CREATE OR REPLACE VIEW {_quoted(name)} AS SELECT * FROM temp."{hidden}"')  # noqa: S608 - quoted
        self._registered.add(name)


def connect(
    lake: Lake, at: str | None = None, tables: Mapping[str, int] | None = None, *, threads: int | None = None
) -> Connection:
    """Open DuckDB over a lake.

    Args:
        lake: The lake.
        at: A release, a time, ``TABLE@VERSION`` or a version; see `lakehouse.snapshot.resolve_at`.
        tables: Versions of single tables, which win over `at`.
        threads: Threads of the query engine.

    Raises:
        ReleaseError: If `at` names no live release.
    """
    pins = resolve_at(lake, at)
    if tables:
        pins = Pins({**pins.versions, **tables}, pins.release, pins.time, pins.every)
    return Connection(lake, pins, threads)


def query(lake: Lake, sql: str, at: str | None = None, tables: Mapping[str, int] | None = None) -> pa.Table:
    """Answer one statement over a lake; see `connect` and `Connection.reader`."""
    with connect(lake, at, tables) as connection:
        return connection.table(sql)


def to_polars(lake: Lake, sql: str, at: str | None = None, tables: Mapping[str, int] | None = None) -> pl.DataFrame:
    """Answer one statement as a Polars frame; see `query`."""
    import polars as pl

    found = pl.from_arrow(query(lake, sql, at, tables))
    return found if isinstance(found, pl.DataFrame) else found.to_frame()


def _names(sql: str) -> set[str] | None:
    """Return the tables and views that a statement names, None where it cannot be told."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    text = re.sub(r"^\s*explain\s+(analyze\s+)?", "", sql, flags=re.IGNORECASE)
    try:
        tree = sqlglot.parse_one(text, dialect="duckdb", error_level=sqlglot.ErrorLevel.RAISE)
    except (SqlglotError, RecursionError):
        return None
    if isinstance(tree, exp.Command) or tree is None:
        return None
    ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    found = set()
    for table in tree.find_all(exp.Table):
        if (table.catalog and table.catalog != "memory") or table.db.lower() in _BUILT_IN - {"main"}:
            return None
        if table.db:
            found.add(f"{table.db}.{table.name}".lower())
        elif table.name and table.name not in ctes:
            found.add(table.name.lower())
    return found


def _guarded(stream: pa.RecordBatchReader, sql: str) -> pa.RecordBatchReader:
    """Turn what goes wrong while rows are fetched into the same errors as what goes wrong before."""

    def batches() -> Iterable[pa.RecordBatch]:
        try:
            yield from stream
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise _query_error(error, sql) from None

    return pa.RecordBatchReader.from_batches(stream.schema, batches())


def _syntax_error(error: BaseException) -> QueryError:
    text = str(error)
    place = re.search(r"LINE (\d+): (.*)\n( *)\^", text)
    if not place or place[2].startswith("..."):  # the engine shows part of a long line: no column to tell
        return QueryError(f"the SQL does not parse: {_first(error)}", "correct it")
    column = len(place[3]) - len(f"LINE {place[1]}: ") + 1
    return QueryError(
        f"the SQL does not parse at line {place[1]}, column {column}: {_first(error)}", "correct it there"
    )


def _query_error(error: BaseException, sql: str) -> QueryError:
    text = str(error)
    near = re.search(r"(?:Candidate bindings|Did you mean|Candidate functions):? *(.*)", text)
    if "file system operations are disabled" in text or "disabled by configuration" in text:
        return QueryError("SQL reads the lake's tables only, no files", "mixlake tables lists them")
    if "lock" in text and "configuration" in text:
        return QueryError("SQL may not change settings", "ask a SELECT")
    hint = near[0].strip() if near else "correct the SQL"
    log.debug("%s: %s", sql, text)
    return QueryError(_first(error), hint.split("\n", 1)[0][:200])


def _first(error: BaseException) -> str:
    """Return the first line of an engine's error without the name of its class."""
    first = str(error).strip().split("\n", 1)[0]
    return re.sub(r"^(Parser|Binder|Catalog|Conversion|Invalid Input|Permission) Error: ", "", first)[:300]


def _quoted(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split(".", 1))
