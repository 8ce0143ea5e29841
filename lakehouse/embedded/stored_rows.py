"""Read stored rows of the written table: their keys, their hashes, and those that share a key with new rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.column import Column
from lakehouse.declare.flow import Flow
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.content_digest import HIGH, LOW
from lakehouse.embedded.flow_inputs import table_rows
from lakehouse.embedded.retraction_filter import RetractionFilter
from lakehouse.embedded.row_file import CHUNK_ROWS
from lakehouse.embedded.row_hash import hash_rows
from lakehouse.embedded.row_origins import RowOrigins
from lakehouse.engine import StoredRows
from lakehouse.ledger.retractions import Retractions

if TYPE_CHECKING:
    import polars as pl

# Keys that a scan filters by one by one, so that row groups without them are not read.
_LISTED_KEYS = 1000
# Stored rows that are looked up together: each look-up makes a table of all new keys.
_ROWS_TOGETHER = 1 << 20


class StoredRowReader:
    """Reads stored rows of the table that a flow writes.

    Args:
        catalog: The lake's catalog.
        flow: The flow.
        database: Evaluates the source key of a row.
    """

    def __init__(self, catalog: Catalog, flow: Flow, database: duckdb.DuckDBPyConnection) -> None:
        self._catalog = catalog
        self._flow = flow
        self._table = flow.writes
        self._database = database

    def keys(self, version: int) -> pl.DataFrame:
        """Return the key of each row."""
        import polars as pl

        names = list(self._table.key)
        batches = table_rows(self._catalog, self._table, version, names, CHUNK_ROWS)
        return pl.DataFrame(pa.Table.from_batches(batches, self._part(names)))

    def hashes(self, stored: StoredRows) -> pl.DataFrame:
        """Return key and hashes of each of some rows."""
        import polars as pl

        keys = list(self._table.key)
        schema = self._part(keys).append(pa.field(HIGH, pa.int64())).append(pa.field(LOW, pa.int64()))
        names = list(dict.fromkeys([*keys, *self._table.stable_columns]))
        batches = [
            pa.RecordBatch.from_arrays(
                [*(batch.column(key) for key in keys), *hash_rows(self._table, batch)], schema=schema
            )
            for batch in self._chosen(stored, names)
        ]
        return pl.DataFrame(pa.Table.from_batches(batches, schema))

    def with_keys(self, new: pl.DataFrame, version: int, replaced: StoredRows | None) -> pa.RecordBatch | None:
        """Return stored rows that have one of some keys, and are not replaced; None where there are none.

        Of the table's columns only the key is read, and what the origin of a row is made of. By the least and the
        greatest key, files and row groups are passed over; so few keys as may be listed pass over more.

        Args:
            new: The keys.
            version: The table's version.
            replaced: Rows that do not count.
        """
        import polars as pl

        keys = list(self._table.key)
        needed = {*keys, *RowOrigins.columns(self._flow)}
        if replaced is not None and replaced.retractions is not None:
            needed.update(
                column.name
                for column in self._table.columns
                if not column.payload or column.name in self._table.lineage
            )
        names = [column.name for column in self._table.columns if column.name in needed]
        rows = table_rows(self._catalog, self._table, version, names, CHUNK_ROWS, self._bounds(new))
        counts = self._replaced_mask(replaced)
        for batch in _together(rows, max(_ROWS_TOGETHER, new.height)):
            stored = pl.DataFrame(pa.Table.from_batches([batch.select(keys)])).with_row_index("_place")
            places = stored.join(new, on=keys, how="semi", nulls_equal=True)["_place"].to_arrow()
            found = batch.take(places)
            kept = found.filter(pc.invert(counts(found))) if found.num_rows and counts is not None else found
            if kept.num_rows:
                return kept
        return None

    def _bounds(self, new: pl.DataFrame) -> pc.Expression | None:
        """Return what stored rows with one of some keys fulfil, None where keys have no plain order."""
        name = self._table.key[0]
        kind = self._table.column(name).type
        if not (pa.types.is_string(kind) or pa.types.is_integer(kind)) or new[name].null_count():
            return None
        values = pa.chunked_array([new[name].unique().to_arrow().cast(kind)]).combine_chunks()
        if len(values) <= _LISTED_KEYS:
            return pc.field(name).isin(values)
        ends = pc.min_max(values)
        return (pc.field(name) >= ends["min"]) & (pc.field(name) <= ends["max"])

    def _chosen(self, stored: StoredRows, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield the stored rows that are meant: all, or those of affected keys and those that are retracted."""
        table = self._table
        mask = self._replaced_mask(stored)
        if mask is None:
            yield from table_rows(self._catalog, table, stored.version, names, CHUNK_ROWS)
            return
        columns = [column.name for column in table.columns if not column.payload or self._is_needed(column, names)]
        for batch in table_rows(self._catalog, table, stored.version, columns, CHUNK_ROWS):
            chosen = batch.filter(mask(batch))
            if chosen.num_rows:
                yield chosen

    def _replaced_mask(self, stored: StoredRows | None) -> _Mask | None:
        return None if stored is None or stored.whole else _Mask(self._catalog, self._flow, self._database, stored)

    def _is_needed(self, column: Column, names: list[str]) -> bool:
        """Whether a payload column is read to find stored rows: it is large, and rarely needed."""
        return column.name in {*names, *self._table.lineage} or column.name in self._flow.source_key_sql

    def _part(self, names: list[str]) -> pa.Schema:
        return pa.schema([pa.field(name, self._table.column(name).stored_type) for name in names])


class _Mask:
    """Which rows of a batch are of affected keys, or retracted."""

    def __init__(self, catalog: Catalog, flow: Flow, database: duckdb.DuckDBPyConnection, stored: StoredRows) -> None:
        self._stored = stored
        self._origins = RowOrigins(flow, database)
        self._orders = RetractionFilter(catalog, flow.writes, stored.retractions or Retractions())

    def __call__(self, batch: pa.RecordBatch) -> pa.Array:
        meant = self._orders.retracted(batch)
        if self._stored.affected is None:
            return meant
        keys = self._origins.of(batch)
        return pc.or_(meant, pc.is_in(keys, value_set=self._stored.affected.rows.cast(keys.type)))


def _together(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Put batches together up to so many rows."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= rows:
            yield pa.concat_batches(waiting)
            waiting = []
    if waiting:
        yield pa.concat_batches(waiting)
