"""Which values readers disagree on: texts that are not valid UTF-8, and maps that have a key twice."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.embedded.nested_values import Mask, found_at, with_leaves
from lakehouse.engine import rules
from lakehouse.engine.conform_arrays import lists

type Codes = npt.NDArray[np.int64]


def unreadable(table: Table, batch: pa.RecordBatch) -> list[pa.Array]:
    """Return for each of the contract's rules of such values which rows break it.

    Args:
        table: The contract.
        batch: Rows with its columns.
    """
    parts = rules.texts(table)
    invalid = {name for name in {part.column for part in parts} if not _is_valid(batch.column(name))}
    none = pa.repeat(False, batch.num_rows)
    texts = [
        pa.array(found_at(batch.column(part.column), part.steps, invalid_texts)) if part.column in invalid else none
        for part in parts
    ]
    maps = [pa.array(found_at(batch.column(part.column), part.steps, with_key_twice)) for part in rules.maps(table)]
    return [*texts, *maps]


def with_valid_texts(column: pa.Array) -> pa.Array:
    """Return a column in whose texts, at any depth, U+FFFD stands for bytes that are not UTF-8."""
    return column if _is_valid(column) else with_leaves(column, _valid_texts)


def without_maps_of_equal_keys(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows in which a value is null that is, or holds, a map that has a key twice."""
    columns = []
    for column in batch.columns:
        found = np.zeros(batch.num_rows, np.bool_)
        for steps in rules.map_steps(column.type):
            found |= found_at(column, steps, with_key_twice)
        columns.append(pc.if_else(pa.array(found), pa.scalar(None, column.type), column) if found.any() else column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def invalid_texts(texts: pa.Array) -> Mask:
    """Return which texts are not valid UTF-8, by halves: few of many cost little."""
    found = np.zeros(len(texts), np.bool_)
    waiting = [(0, len(texts))]
    while waiting:
        begin, end = waiting.pop()
        if _is_valid(texts.slice(begin, end - begin)):
            continue
        if end - begin == 1:
            found[begin] = True
            continue
        middle = (begin + end) // 2
        waiting += [(begin, middle), (middle, end)]
    return found


def _is_valid(column: pa.Array) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _valid_texts(values: pa.Array) -> pa.Array:
    if not pa.types.is_string(values.type) or _is_valid(values):
        return values
    mask = pa.array(invalid_texts(values))
    read = [value.as_buffer().to_pybytes().decode(errors="replace") for value in values.filter(mask)]
    return pc.replace_with_mask(values, mask, pa.array(read, pa.string()))


def with_key_twice(maps: pa.Array) -> Mask:
    """Return which maps have two equal keys; all zeros are equal, and all NaNs."""
    found = np.zeros(len(maps), np.bool_)
    offsets, entries = lists(maps)
    sizes = np.diff(offsets)
    if not (sizes > 1).any():
        return found
    codes = _codes(entries.field("key"))
    rows = np.repeat(np.arange(len(maps)), sizes)
    pairs = rows * (codes.max() + 1) + codes
    if pc.count_distinct(pa.array(pairs)).as_py() == len(pairs):
        return found
    order = np.argsort(pairs)
    found[rows[order[1:]][np.diff(pairs[order]) == 0]] = True
    return found


def _codes(values: pa.Array) -> Codes:
    """Return numbers from 0 that are equal where values are."""
    kind = values.type
    if pa.types.is_struct(kind):
        values = _joined([values.is_valid().cast(pa.int64()).to_numpy(), *map(_codes, values.flatten())])
    elif pa.types.is_nested(kind):
        offsets, elements = lists(values)
        # One binary value a list; a null one is none.
        inner = [pa.py_buffer(offsets * 8), pa.py_buffer(_codes(elements))]
        made = pa.Array.from_buffers(pa.large_binary(), len(values), [None, *inner])
        values = pc.if_else(values.is_valid(), made, pa.scalar(None, made.type))
    elif pa.types.is_floating(kind):
        # Adding zero makes -0.0 zero, and one NaN stands for those of all bits.
        values = pc.if_else(pc.is_nan(values), pa.scalar(np.nan, kind), pc.add(values, pa.scalar(0.0, kind)))
    codes: Codes = pc.fill_null(pc.dictionary_encode(values).indices.cast(pa.int64()), -1).to_numpy() + 1
    return codes


def _joined(codes: Iterable[Codes]) -> pa.Array:
    """Return one binary value for the numbers that stand at the same place."""
    stacked = np.ascontiguousarray(np.stack(list(codes), axis=1))
    kind = pa.binary(stacked.shape[1] * 8)
    return pa.Array.from_buffers(kind, len(stacked), [None, pa.py_buffer(stacked)])
