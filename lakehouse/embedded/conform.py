"""Cast a flow's rows to its contract, stamp the run, and mark the rows that break a check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.embedded.conditions import Expressions
from lakehouse.embedded.row_file import Stream, chunked
from lakehouse.errors import FlowError


def conform(flow: Flow, database: duckdb.DuckDBPyConnection, rows: Stream, run_id: str) -> Stream:
    """Return the rows with the contract's columns and ``_reject``, the reason why a row is rejected.

    Args:
        flow: The flow.
        database: Evaluates the contract's checks.
        rows: What the flow's function returned.
        run_id: The run.

    Raises:
        FlowError: If a required column is missing, there is one too many, or one has another type.
    """
    table = flow.writes
    extra = sorted(set(rows.schema.names) - {column.name for column in table.columns} - {REJECT})
    if extra:
        raise FlowError(
            f"{flow.id} returned a column {extra[0]!r} that {table.name} does not have ({flow.place})",
            "leave it out, or add it to the contract",
        )
    missing = [c.name for c in table.columns if not c.nullable and c.name not in {*rows.schema.names, "run_id"}]
    if missing:
        raise FlowError(f"{flow.id} left out the column {missing[0]!r} of {table.name} ({flow.place})", "return it")
    types = {column.name: column.type for column in table.columns}
    checks = Expressions(database, [check.sql for check in table.checks], types)
    schema = pa.schema([*(pa.field(name, kind) for name, kind in types.items()), pa.field(REJECT, pa.string())])
    return Stream(schema, _conformed(flow, chunked(rows.batches), checks, (schema, run_id)))


def _conformed(
    flow: Flow, batches: Iterable[pa.RecordBatch], checks: Expressions, stamp: tuple[pa.Schema, str]
) -> Iterator[pa.RecordBatch]:
    schema, run_id = stamp
    for batch in batches:
        arrays = []
        for field in schema:
            position = batch.schema.get_field_index(field.name)
            if field.name == "run_id":
                arrays.append(pa.repeat(run_id, batch.num_rows))
            elif position < 0:
                arrays.append(pa.nulls(batch.num_rows, field.type))
            else:
                arrays.append(_cast(flow, batch.column(position), field))
        stamped = pa.RecordBatch.from_arrays(arrays, schema=schema)
        position = schema.get_field_index(REJECT)
        yield stamped.set_column(position, schema.field(position), _reasons(flow.writes, stamped, checks))


def _cast(flow: Flow, column: pa.Array, field: pa.Field) -> pa.Array:
    if column.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FlowError(
            f"{flow.id}: {field.name}: {error} ({flow.place})", "return the types of the contract"
        ) from None


def _reasons(table: Table, batch: pa.RecordBatch, checks: Expressions) -> pa.Array:
    """Return why each row is rejected: what the flow said, a column that is null, or the first check that it breaks."""
    reasons = batch.column(batch.schema.get_field_index(REJECT))
    broken = [
        (f"column {name} is null", pc.is_null(batch.column(name)))
        for name in table.required
        if name != "run_id" and batch.column(name).null_count
    ]
    held = checks.masks(batch)
    broken += [(check.name, pc.invert(mask)) for check, mask in zip(table.checks, held, strict=True)]
    for reason, mask in broken:
        if pc.any(mask).as_py():
            named = pc.if_else(mask, pa.scalar(reason), pa.scalar(None, pa.string()))
            reasons = pc.coalesce(reasons, named)
    return reasons
