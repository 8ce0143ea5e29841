"""Find the rows of a batch with values that Delta does not return as they were written; see `engine.rules`."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.column_types import holds_times
from lakehouse.declare.contract import Table
from lakehouse.engine import rules


def unstorable(table: Table, batch: pa.RecordBatch) -> list[pa.Array]:
    """Return for each of the contract's rules of values which rows break it.

    Args:
        table: The contract.
        batch: Rows with its columns.
    """
    return [
        *(_outside_of_years(batch.column(name)) for name in rules.with_times(table)),
        *(_unlike_partition(name, batch.column(name)) for name in rules.text_partitions(table)),
    ]


def _unlike_partition(name: str, texts: pa.Array) -> pa.Array:
    null = pc.is_in(texts, value_set=pa.array(rules.NULL_PARTITIONS, texts.type))
    null = pc.or_(null, pc.fill_null(pc.match_substring(texts, rules.NUL), False))
    plain = pc.count_substring_regex(texts, rules.PLAIN_BYTES)
    written = pc.subtract(pc.multiply(pc.binary_length(texts), 3), pc.multiply(plain, 2))
    return pc.or_(null, pc.fill_null(pc.greater(written, rules.most_bytes(name)), False))


def _outside_of_years(values: pa.Array) -> pa.Array:
    """Return which values are, or hold at any depth, a date or a time that some reader does not support."""
    kind = values.type
    if pa.types.is_temporal(kind):
        return _outside(values)
    if pa.types.is_struct(kind):
        # The fields of a null struct are null.
        parts = [_outside_of_years(field) for field in values.flatten() if holds_times(field.type)]
        return functools.reduce(pc.or_, parts)
    if pa.types.is_map(kind):
        entry = pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)])
        values = values.cast(pa.list_(entry))
    inner = _outside_of_years(pc.list_flatten(values))
    found = np.zeros(len(values), np.bool_)
    found[pc.list_parent_indices(values).filter(inner).to_numpy()] = True
    return pa.array(found)


def _outside(values: pa.Array) -> pa.Array:
    if pa.types.is_date32(values.type):
        numbers, first, last = values.cast(pa.int32()), rules.FIRST_DAY, rules.LAST_DAY
    else:
        numbers, first, last = values.cast(pa.int64()), rules.FIRST_MICROSECOND, rules.LAST_MICROSECOND
    ends = pc.min_max(numbers)
    if not ends["min"].is_valid or (ends["min"].as_py() >= first and ends["max"].as_py() <= last):
        return pa.repeat(False, len(values))
    return pc.fill_null(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)), False)
