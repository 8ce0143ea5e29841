"""Read what changed in a driving input since the last commit, from the change data feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.embedded.flow_inputs import Selection, in_types, table_rows
from lakehouse.embedded.row_file import RowFile, Stream, chunked, write_rows
from lakehouse.engine import AffectedKeys, Changes
from lakehouse.engine.input_types import column_types, input_schema
from lakehouse.project import Project

CHANGE = "_change_type"
_VERSION = "_commit_version"
_LEFT = ("insert", "update_postimage")


def changes(
    project: Project,
    database: duckdb.DuckDBPyConnection,
    flow: Flow,
    versions: tuple[Mapping[str, int], Mapping[str, int]],
    folder: Path,
) -> Changes:
    """Return what changed in the driving input between two sets of versions.

    Where there were only inserts these rows are processed alone. Else the feed names the affected keys: where a flow
    wrote the input, so that a key names one row, the feed has that row as well; other inputs are looked up at the new
    version.

    Args:
        project: The project.
        database: Evaluates the input's condition.
        flow: The flow.
        versions: Version of each table at the last commit, and now.
        folder: Where the feed's rows are kept.
    """
    item, key, (before, now) = flow.reads[flow.driving], flow.source_key, versions
    feeds: list[tuple[Table, RowFile]] = []
    for table in project.registry.sources(item):
        first, last = before.get(table.name, -1) + 1, now[table.name]
        if first <= last:
            feeds.append((table, _read_feed(project, table, (first, last), folder)))
    schema = input_schema(project, item)
    kinds = [feed.columns([CHANGE]).column(0) for _, feed in feeds]
    if all(pc.all(pc.equal(kind, "insert")).as_py() is not False for kind in kinds):
        selected = ((Selection(database, item, table), feed.batches()) for table, feed in feeds)
        return Changes(Stream(schema, (batch for selection, rows in selected for batch in selection.apply(rows))))
    affected = AffectedKeys(distinct(feed.columns([key]).column(0) for _, feed in feeds))
    sources = project.registry.sources(item)
    if len(sources) == 1 and tuple(sources[0].key) == (key,) and project.only_flows_wrote(sources[0].name, now):
        table, feed = feeds[0]
        return Changes(Stream(schema, Selection(database, item, table).apply(_newest(feed, key))), affected)
    return Changes(rows_with_keys(project, database, flow, now, affected.rows), affected)


def rows_with_keys(
    project: Project, database: duckdb.DuckDBPyConnection, flow: Flow, versions: Mapping[str, int], keys: pa.Array
) -> Stream:
    """Return the rows of the driving input whose source key is among some."""
    item, key = flow.reads[flow.driving], flow.source_key

    def batches() -> Iterator[pa.RecordBatch]:
        for table in project.registry.sources(item):
            if versions[table.name] >= 0:
                selection = Selection(database, item, table)
                columns = list(dict.fromkeys([*selection.columns, key]))
                rows = table_rows(project.catalog, table, versions[table.name], columns, flow.batch_rows)
                # Each look-up makes a table of all keys: of large batches there are few.
                yield from selection.apply(_among(chunked(rows), key, keys))

    return Stream(input_schema(project, item), batches())


def distinct(keys: Iterable[pa.ChunkedArray]) -> pa.Array:
    """Return the distinct values of several columns of one type."""
    chunks = [chunk for column in keys for chunk in column.chunks]
    return pa.chunked_array(chunks).unique() if chunks else pa.array([], pa.string())


def _among(rows: Iterable[pa.RecordBatch], column: str, keys: pa.Array) -> Iterator[pa.RecordBatch]:
    for batch in rows:
        chosen = batch.filter(pc.is_in(batch.column(column), value_set=keys))
        if chosen.num_rows:
            yield chosen


def _read_feed(project: Project, table: Table, versions: tuple[int, int], folder: Path) -> RowFile:
    """Read the changes of some versions, both included."""
    first, last = versions
    types = {**column_types(table), CHANGE: pa.string(), _VERSION: pa.int64()}
    names = [*(column.name for column in table.columns), CHANGE, _VERSION]
    schema = pa.schema([pa.field(name, types[name]) for name in names])
    opened = project.catalog.open(table.name, last)
    reader = pa.RecordBatchReader.from_stream(opened.load_cdf(starting_version=first, ending_version=last))
    return write_rows(folder, Stream(schema, chunked(in_types(batch, schema) for batch in reader)))


def _newest(feed: RowFile, key: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows that a feed leaves: of each key what its last change made of it, none where that deleted it."""
    import polars as pl

    rows = pl.DataFrame(feed.columns([key, CHANGE, _VERSION]))
    last = pl.col(_VERSION) == pl.col(_VERSION).max().over(key)
    kept = rows.select(last & pl.col(CHANGE).is_in(_LEFT)).to_series().to_arrow()
    begin = 0
    for batch in feed.batches():
        yield batch.filter(kept.slice(begin, batch.num_rows))
        begin += batch.num_rows
