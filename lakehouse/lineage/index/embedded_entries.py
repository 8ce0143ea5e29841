"""Entries of ``ledger.edges`` made with DuckDB and written with delta-rs, with no JVM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError

from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.scan import scan
from lakehouse.delta.schema_drift import fits
from lakehouse.embedded import delta_writer
from lakehouse.embedded.changed_rows import CHANGE
from lakehouse.embedded.conditions import open_database
from lakehouse.embedded.delta_writer import RowsToWrite
from lakehouse.interruption import on_interrupt
from lakehouse.ledger import tables
from lakehouse.lineage.index.entries import ADDED, ENTRY, Level, Sources
from lakehouse.lineage.reader import DETAILS
from lakehouse.scratch_folder import scratch_folder

if TYPE_CHECKING:
    from deltalake import DeltaTable

# What does not fit is spilled.
_MEMORY_LIMIT = "2GB"
_BATCH_ROWS = 65_536
_STRINGS = pa.list_(pa.string())
# A row's lineage columns, under the same names and types in all tables.
_LINEAGE = pa.schema(
    [
        ("child", pa.string()),
        ("table", pa.string()),
        ("n", pa.int32()),
        ("parent_ids", _STRINGS),
        *((name, pa.string()) for name in DETAILS),
    ]
)
_SCHEMA = pa.schema([pa.field(column.name, column.type) for column in tables.edges.columns])
_ENTRY_SCHEMA = pa.schema([_SCHEMA.field(name) for name in (*ENTRY, "n")])
_NAMES = ", ".join(f'"{name}"' for name in (*ENTRY, "n"))

# One row gives itself, in the order of child, and an edge for each of its parents in both orders.
_ENTRIES = """
CREATE TEMP VIEW row_entries AS
SELECT 'child' AS sorted_by, NULL::VARCHAR AS parent, child, "table", run_id, source, license, uri, n FROM lineage
UNION ALL
SELECT o.sorted_by, e.parent, e.child, e."table", NULL, NULL, NULL, NULL, e.n
FROM (SELECT unnest(parent_ids) AS parent, child, "table", n FROM lineage) AS e,
    (VALUES ('child'), ('parent')) AS o(sorted_by)
WHERE e.parent IS NOT NULL
"""
_LEVEL = """
SELECT {level}::INTEGER AS level, sorted_by, parent, child, "table", run_id, source, license, uri, n
FROM ({entries})
ORDER BY sorted_by, CASE WHEN sorted_by = 'parent' THEN parent ELSE child END, parent, child, "table"
"""
# Added up, what was added and taken away is gone.
_SUMS = """
SELECT sorted_by, parent, child, "table", run_id, source, license, uri, sum(n)::INTEGER AS n
FROM ({entries})
GROUP BY ALL
HAVING sum(n) <> 0
"""


class EmbeddedIndexEngine:
    """Implements `lakehouse.lineage.index.entries.IndexEngine`.

    Args:
        catalog: The lake's catalog.
    """

    name = "embedded"
    # DuckDB raises what a stream raised that it reads as an error of its own.
    feed_errors: tuple[type[Exception], ...] = (DeltaError, pa.ArrowException, OSError, duckdb.Error)

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @contextmanager
    def new_entries(self, sources: Sources) -> Iterator[EmbeddedEntries]:
        """Compute new entries, in a database that spills to a folder of its own."""
        with scratch_folder("edges") as folder:
            database = open_database(str(folder), _MEMORY_LIMIT)
            try:
                with on_interrupt(database.interrupt):
                    yield EmbeddedEntries(self._catalog, sources, database)
            finally:
                database.close()


class EmbeddedEntries:
    """Implements `lakehouse.lineage.index.entries.NewEntries`.

    Args:
        catalog: The lake's catalog.
        sources: What they are made from.
        database: Where they are kept.
    """

    def __init__(self, catalog: Catalog, sources: Sources, database: duckdb.DuckDBPyConnection) -> None:
        self._catalog = catalog
        self._sources = sources
        self._database = database
        _create(database, "lineage", _LINEAGE)
        _create(database, "dropped", _ENTRY_SCHEMA)
        database.execute(_ENTRIES)
        for name, first in sources.feeds.items():
            self._insert("lineage", _LINEAGE, self._changes(name, first))
        for name in sorted(sources.whole):
            self._insert("lineage", _LINEAGE, self._rows(name))
        if sources.dropped and not sources.rebuild:
            gone = pc.field("table").isin(sorted(sources.dropped))
            self._insert("dropped", _ENTRY_SCHEMA, self._stored(gone))
        dropped = _number(database, "dropped")
        self.count = _number(database, "row_entries") + dropped
        self._takes_away = bool(dropped or _number(database, "lineage WHERE n < 0"))

    def commit(self, level: Level, note: CommitNote, transaction: int) -> int:
        """Commit them as a level."""
        parts = [f"SELECT {_NAMES} FROM row_entries", f"SELECT {_NAMES.replace('"n"', '-n AS n')} FROM dropped"]  # noqa: S608 - names of the contract
        if level.merges:
            # Read in advance: delta-rs pulls rows from a thread that cannot read a store.
            _create(self._database, "stored", _ENTRY_SCHEMA)
            self._insert("stored", _ENTRY_SCHEMA, self._stored(pc.field("level") >= level.number))
            parts.append("SELECT * FROM stored")
        entries = " UNION ALL ".join(parts)
        if level.merges or self._takes_away:
            entries = _SUMS.format(entries=entries)
        answer = self._database.sql(_LEVEL.format(level=level.number, entries=entries))
        batches = (batch.cast(_SCHEMA) for batch in answer.to_arrow_reader(_BATCH_ROWS))
        as_declared = fits(self._catalog.open(tables.edges.name), tables.edges)
        replaced = f"level >= {level.number}" if as_declared else ""
        rows = RowsToWrite("overwrite", _SCHEMA, batches, 0, replaced)
        return delta_writer.write(self._catalog, tables.edges, rows, note, transaction)

    def _insert(self, table: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        self._database.register("incoming", pa.RecordBatchReader.from_batches(schema, batches))
        self._database.execute(f"INSERT INTO {table} SELECT * FROM incoming")  # noqa: S608 - a name of this module
        self._database.unregister("incoming")

    def _changes(self, name: str, first: int) -> Iterator[pa.RecordBatch]:
        opened, columns = self._open(name)
        last = self._sources.state.versions[name]
        feed = opened.load_cdf(first, last, columns=[*columns, CHANGE])
        for batch in pa.RecordBatchReader.from_stream(feed):
            added = pc.is_in(batch.column(CHANGE).cast(pa.string()), value_set=pa.array(ADDED))
            counts = pc.if_else(added, pa.scalar(1, pa.int32()), pa.scalar(-1, pa.int32()))
            yield _lineage(batch, columns, name, counts)

    def _rows(self, name: str) -> Iterator[pa.RecordBatch]:
        opened, columns = self._open(name)
        for batch in _batches(scan(opened, name), columns):
            yield _lineage(batch, columns, name, pa.repeat(pa.scalar(1, pa.int32()), batch.num_rows))

    def _open(self, name: str) -> tuple[DeltaTable, list[str]]:
        """Return a table at the version that the index is updated to, and its lineage columns."""
        opened = self._catalog.open(name, self._sources.state.versions[name])
        own = self._sources.state.columns[name]
        return opened, [column for column in (SAMPLE_ID, "parent_ids", *DETAILS) if column in own]

    def _stored(self, condition: pc.Expression) -> Iterator[pa.RecordBatch]:
        edges = self._sources.state.edges
        if edges is None:
            message = "ledger.edges does not exist"
            raise ValueError(message)
        rows = scan(edges, tables.edges.name)
        for batch in rows.scanner(list(_ENTRY_SCHEMA.names), filter=condition, batch_size=_BATCH_ROWS).to_batches():
            yield batch.cast(_ENTRY_SCHEMA)


def _batches(source: object, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    if hasattr(source, "scanner"):
        yield from source.scanner(list(columns), batch_size=_BATCH_ROWS).to_batches()
        return
    yield from pa.RecordBatchReader.from_stream(source)


def _lineage(batch: pa.RecordBatch, columns: Sequence[str], name: str, counts: pa.Array) -> pa.RecordBatch:
    """Select the lineage columns of rows that have an id."""
    none = {"parent_ids": pa.nulls(batch.num_rows, _STRINGS)}
    values = {"child": batch.column(SAMPLE_ID), "table": pa.repeat(name, batch.num_rows), "n": counts, **none}
    for column in ("parent_ids", *DETAILS):
        if column in columns:
            values[column] = batch.column(column)
        else:
            values.setdefault(column, pa.nulls(batch.num_rows, pa.string()))
    chosen = pa.RecordBatch.from_arrays([values[item.name].cast(item.type) for item in _LINEAGE], schema=_LINEAGE)
    return chosen.filter(pc.is_valid(chosen.column("child")))


def _create(database: duckdb.DuckDBPyConnection, table: str, schema: pa.Schema) -> None:
    database.register("no_rows", schema.empty_table())
    database.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM no_rows")  # noqa: S608 - a name of this module
    database.unregister("no_rows")


def _number(database: duckdb.DuckDBPyConnection, table: str) -> int:
    ((number,),) = database.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608 - a name of this module
    return int(number)
