"""Make the rows of ``ledger.quarantine``: rejected rows, and marks for origins that are processed again."""

from __future__ import annotations

import datetime as dt

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import REJECT, Flow
from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.scan import scan
from lakehouse.embedded.checked_rows import rejected_rows
from lakehouse.embedded.conditions import Expressions
from lakehouse.embedded.row_json import json_rows
from lakehouse.engine import CheckedRows
from lakehouse.ledger import tables
from lakehouse.ledger.quarantine import MARK, attempts


def quarantine_rows(
    flow: Flow, database: duckdb.DuckDBPyConnection, checked: CheckedRows, attempt: str, run_id: str
) -> pa.Table:
    """Return rejected rows as JSON with their reasons; bytes are given by length and SHA-256.

    Args:
        flow: The flow.
        database: Evaluates the source key of a row.
        checked: Its rows.
        attempt: The attempt under which they are quarantined.
        run_id: The run.
    """
    names = [column.name for column in flow.writes.columns]
    has_id = SAMPLE_ID in flow.writes.lineage
    has_origin = flow.incremental
    types = {column.name: column.stored_type for column in flow.writes.columns}
    source_key = Expressions(database, [flow.source_key_sql] if has_origin else [], types)
    parts = []
    for batch in rejected_rows(checked):
        none = pa.nulls(batch.num_rows, pa.string())
        parts.append(
            _rows(
                (flow, attempt, run_id),
                sample_id=batch.column(SAMPLE_ID) if has_id else none,
                origin=_texts(source_key.values(batch)[0]) if has_origin else none,
                reason=batch.column(REJECT),
                row=pa.array(json_rows(batch.select(names)), pa.string()),
            )
        )
    return pa.concat_tables([tables.quarantine.schema.empty_table(), *parts])


def marks(
    flow: Flow, database: duckdb.DuckDBPyConnection, catalog: Catalog, keys: pa.Array, attempt: tuple[str, str]
) -> pa.Table:
    """Return one mark for each origin of quarantined rows that is processed again now.

    Args:
        flow: The flow.
        database: Reads the origins as source keys.
        catalog: The lake's catalog.
        keys: The source keys that are processed again.
        attempt: The attempt, and the run.
    """
    quarantined = quarantined_origins(catalog, flow).drop_null().unique()
    same = pc.is_in(source_keys_of(database, quarantined, keys.type), value_set=keys.drop_null())
    again = quarantined.filter(same)
    none = pa.nulls(len(again), pa.string())
    reason = pa.repeat(MARK, len(again))
    return _rows((flow, *attempt), sample_id=none, origin=again, reason=reason, row=none)


def source_keys_of(database: duckdb.DuckDBPyConnection, origins: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return origins, which are texts, as source keys of a type; null where one is no text of such a key.

    Each engine writes numbers and times in texts of its own, so that keys are compared, not texts.
    """
    if pa.types.is_string(kind):
        return origins
    key = "TRY_CAST(origin AS {})"
    if pa.types.is_binary(kind):
        key = "CASE WHEN regexp_full_match(origin, '([0-9A-F]{{2}})*') THEN unhex(origin) END"
    database.register("quarantined_origins", pa.table({"origin": origins}))
    database.register("source_keys", pa.table({"key": pa.array([], kind)}))
    (name,) = database.sql("SELECT key FROM source_keys").types
    answer = database.sql(f"SELECT {key.format(name)} AS key FROM quarantined_origins").to_arrow_table()  # noqa: S608
    return answer.column("key").combine_chunks().cast(kind)


def _texts(keys: pa.Array) -> pa.Array:
    """Return source keys as texts, bytes in hexadecimal digits."""
    if pa.types.is_binary(keys.type):
        return pa.array([None if key is None else key.hex().upper() for key in keys.to_pylist()], pa.string())
    return keys.cast(pa.string())


def quarantined_origins(catalog: Catalog, flow: Flow) -> pa.Array:
    """Return the origin of each row of a flow's table that is quarantined; null where it is not known."""
    names = attempts(catalog.open(flow.writes.name))
    if not names or not catalog.has(tables.quarantine.name):
        return pa.array([], pa.string())
    opened = catalog.open(tables.quarantine.name)
    chosen = pc.field("attempt").isin(names) & (pc.field("table") == flow.writes.name)
    rows = scan(opened, tables.quarantine.name).to_table(["attempt", "origin", "row"], filter=chosen)
    places = {name: place for place, name in enumerate(names)}
    # What was quarantined before an origin's last mark does not count.
    marked: dict[str, int] = {}
    attempt, origin, row = (rows.column(name).to_pylist() for name in ("attempt", "origin", "row"))
    for name, key, body in zip(attempt, origin, row, strict=True):
        if body is None:
            marked[key] = max(marked.get(key, 0), places[name])
    counted = [
        key
        for name, key, body in zip(attempt, origin, row, strict=True)
        if body is not None and places[name] >= marked.get(key, 0)
    ]
    return pa.array(counted, pa.string())


def _rows(
    attempt: tuple[Flow, str, str], *, sample_id: pa.Array, origin: pa.Array, reason: pa.Array, row: pa.Array
) -> pa.Table:
    flow, name, run_id = attempt
    now = pa.scalar(dt.datetime.now(dt.UTC), tables.quarantine.column("at").type)
    values = {
        "attempt": pa.repeat(name, len(row)),
        "flow": pa.repeat(flow.id, len(row)),
        "table": pa.repeat(flow.writes.name, len(row)),
        "sample_id": sample_id,
        "origin": origin,
        "reason": reason,
        "row": row,
        "run_id": pa.repeat(run_id, len(row)),
        "at": pa.repeat(now, len(row)),
    }
    return pa.table([values[field.name] for field in tables.quarantine.schema], schema=tables.quarantine.schema)
