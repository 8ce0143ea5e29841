"""Cast a flow's rows to its contract, stamp the run, and mark the rows that break a check."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.column_types import holds_texts
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.declare.lineage_columns import RUN_ID
from lakehouse.embedded.conditions import Expressions
from lakehouse.embedded.nested_values import Mask, found_at
from lakehouse.embedded.row_file import Stream, chunked
from lakehouse.embedded.unreadable import unreadable, with_valid_texts
from lakehouse.embedded.unstorable import unstorable
from lakehouse.engine.conform_arrays import conform_column
from lakehouse.engine.conform_types import MisfitError, repeated, step_of
from lakehouse.engine.rules import (
    BEFORE_DETAILS,
    BROKEN,
    JOINED_BY,
    NO_REASON,
    REASON,
    WITHOUT_REASON,
    Into,
    first_unreadable,
    given_columns,
    never_null,
    rule_names,
)
from lakehouse.errors import FlowError

_MARKS = (pa.field(REJECT, pa.string()), pa.field(REASON, pa.string()), pa.field(BROKEN, pa.list_(pa.int32())))


def conform(flow: Flow, database: duckdb.DuckDBPyConnection, rows: Stream, run_id: str) -> Stream:
    """Return the rows with the contract's columns and those of `lakehouse.engine.rules`.

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
    if twice := repeated(rows.schema.names):
        raise FlowError(f"{flow.id} returned the column {twice!r} twice ({flow.place})", "return it once")
    given = [column.name for column in given_columns(table)]
    missing = [name for name in given if not table.column(name).nullable and name not in rows.schema.names]
    if missing:
        raise FlowError(f"{flow.id} left out the column {missing[0]!r} of {table.name} ({flow.place})", "return it")
    types = {column.name: column.stored_type for column in table.columns}
    checks = Expressions(database, [check.sql for check in table.checks], types)
    schema = pa.schema([*(pa.field(name, kind) for name, kind in types.items()), *_MARKS])
    for field in rows.schema:
        if field.name in given:
            with _refusing(flow):
                step_of(field.name, field.type, schema.field(field.name).type)
    return Stream(schema, _conformed(flow, chunked(rows.batches), checks, (schema, run_id)))


def _conformed(
    flow: Flow, batches: Iterable[pa.RecordBatch], checks: Expressions, stamp: tuple[pa.Schema, str]
) -> Iterator[pa.RecordBatch]:
    schema, run_id = stamp
    for batch in batches:
        arrays = []
        for field in list(schema)[: -len(_MARKS)]:
            position = batch.schema.get_field_index(field.name)
            if field.name == RUN_ID and RUN_ID in flow.writes.lineage:
                arrays.append(pa.repeat(run_id, batch.num_rows))
            elif position < 0:
                arrays.append(pa.nulls(batch.num_rows, field.type))
            else:
                arrays.append(_conformed_column(flow, batch.column(position), field))
        position = batch.schema.get_field_index(REJECT)
        given = pa.nulls(batch.num_rows) if position < 0 else batch.column(position)
        said = _stated(with_valid_texts(_conformed_column(flow, given, _MARKS[0])))
        stamped = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(list(schema)[: -len(_MARKS)]))
        broken = _broken_values(flow.writes, stamped)
        # Neither DuckDB nor Python reads other texts; rows that have some are rejected.
        arrays = [with_valid_texts(array) if holds_texts(array.type) else array for array in arrays]
        readable = pa.RecordBatch.from_arrays(arrays, schema=stamped.schema)
        marks = _marks(flow.writes, broken, said, checks.masks(readable))
        yield pa.RecordBatch.from_arrays([*arrays, *marks], schema=schema)


def _stated(reasons: pa.Array) -> pa.Array:
    """Return a function's reasons, of which none is empty."""
    stated = pc.replace_substring_regex(reasons, BEFORE_DETAILS, NO_REASON, max_replacements=1)
    return pc.if_else(pc.match_substring_regex(reasons, WITHOUT_REASON), stated, reasons)


def _conformed_column(flow: Flow, column: pa.Array, field: pa.Field) -> pa.Array:
    with _refusing(flow):
        return conform_column(field.name, column, field.type)


@contextmanager
def _refusing(flow: Flow) -> Iterator[None]:
    try:
        yield
    except MisfitError as misfit:
        raise FlowError(f"{flow.id} {misfit} ({flow.place})", "return the types of the contract") from None


def null_at(values: pa.Array, steps: Sequence[Into]) -> Mask:
    """Return which values have a null where some steps lead; what is inside a null is ignored.

    Args:
        values: The values.
        steps: The steps, none for the values themselves.

    Returns:
        bool [values].
    """
    return found_at(values, steps, lambda parts: parts.is_null().to_numpy(zero_copy_only=False))


def _broken_values(table: Table, batch: pa.RecordBatch) -> list[pa.Array]:
    """Return for each rule but the checks which rows break it."""
    nulls = [pa.array(null_at(batch.column(field.column), field.steps)) for field in never_null(table)]
    return [*nulls, *unstorable(table, batch), *unreadable(table, batch)]


def _marks(
    table: Table, broken: list[pa.Array], said: pa.Array, checks: list[pa.Array]
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return why each row is rejected: the whole text, the reason by which it counts, and the rules that it breaks."""
    # A row that the function rejected is checked for nothing else, and one that cannot be read for no check.
    asked = pc.is_null(said)
    none = pa.repeat(False, len(said))
    unread = functools.reduce(pc.or_, broken[first_unreadable(table) :], none)
    rules = [*broken, *(pc.and_not(pc.invert(mask), unread) for mask in checks)]
    rules = [pc.and_(rule, asked) for rule in rules]
    prefix = pc.list_element(pc.split_pattern(said, ":", max_splits=1), 0)
    found = [place for place, rule in enumerate(rules) if pc.any(rule).as_py()]
    if not found:
        lists = pa.ListArray.from_arrays(pa.array(np.zeros(len(said) + 1, np.int32)), pa.array([], pa.int32()))
        return said, prefix, lists
    masks = np.stack([rules[place].to_numpy(zero_copy_only=False) for place in found], axis=1)
    column = np.nonzero(masks)[1]
    offsets = np.concatenate([[0], np.cumsum(masks.sum(axis=1))]).astype(np.int32)
    places = pa.array(np.asarray(found, np.int32)[column])
    lists = pa.ListArray.from_arrays(pa.array(offsets), places)
    names = pa.array(rule_names(table), pa.string())
    named = pa.ListArray.from_arrays(pa.array(offsets), names.take(places))
    has = pa.array(np.diff(offsets) > 0)
    joined = pc.if_else(has, pc.binary_join(named, JOINED_BY), pa.scalar(None, pa.string()))
    # The first rule that each row breaks; of rows that break none, any.
    begins = np.minimum(offsets[:-1], len(places) - 1)
    first = pc.if_else(has, names.take(places.take(pa.array(begins))), pa.scalar(None, pa.string()))
    return pc.coalesce(said, joined), pc.coalesce(prefix, first), lists
