"""Row hashes of Arrow batches, equal to those that `lakehouse.spark.row_hash` has Spark compute.

That module says what is hashed. Here, columns are folded one after the other into the running hashes of all rows; the
elements of lists of lists and the entries of maps are hashed first, by the same means, and then folded as longs.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.delta.content_digest import Digest

if TYPE_CHECKING:
    from lakehouse.embedded.xxh64 import Bytes, Hashes, Ints, Longs, Valid

# The seed of Spark's xxhash64.
_SEED = 42
_LONG_DECIMAL = 18


class _Runs(NamedTuple):
    """Which values belong to which row: int64 [rows] each."""

    starts: Longs
    ends: Longs


def hash_rows(table: Table, rows: pa.RecordBatch | pa.Table) -> tuple[pa.Array, pa.Array]:
    """Hash the stable columns of each row under two seeds.

    Args:
        table: The contract.
        rows: Rows with its stable columns, of exactly their Arrow types; other columns are left out.

    Returns:
        int64 [rows] each: the high and the low half.
    """
    batches = rows.to_batches() if isinstance(rows, pa.Table) else [rows]
    hashed = [_hash_batch(table, batch) for batch in batches if batch.num_rows]
    if len(hashed) == 1:
        return hashed[0]
    high, low = (pa.concat_arrays([halves[n] for halves in hashed] or [pa.array([], pa.int64())]) for n in range(2))
    return high, low


def digest_of(high: pa.Array, low: pa.Array) -> Digest:
    """Return the content digest of rows.

    Args:
        high: int64 [rows], without nulls.
        low: int64 [rows], without nulls.
    """
    return Digest.of(len(high), _exact_sum(high), _exact_sum(low))


def _exact_sum(values: pa.Array) -> int:
    # Two sums that do not overflow: of 2^31 rows, neither reaches 2^63.
    longs = _buffer(values, np.int64)
    return (int((longs >> 32).sum()) << 32) + int((longs & 0xFFFFFFFF).sum())


def _hash_batch(table: Table, batch: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    hashes = np.empty((2, batch.num_rows), np.uint64)
    hashes[:] = _seeds()[:, None]
    for name in table.stable_columns:
        _fold(hashes, batch.column(name))
    high, low = (pa.array(half.view(np.int64)) for half in hashes)
    return high, low


@functools.cache
def _seeds() -> npt.NDArray[np.uint64]:
    """Return the hashes of the words that distinguish the halves, uint64 [2]."""
    words = (np.frombuffer(word, np.uint8) for word in (b"high", b"low"))
    return np.array([_kernels().bytes_hash(_SEED, word, 0, len(word)) for word in words], np.uint64)


def _fold(hashes: Hashes, column: pa.Array) -> None:
    """Fold one value a row into the running hashes: whether it is null, then what it holds."""
    valid = _valid(column)
    _kernels().fold_nulls(hashes, valid)
    kind = column.type
    if pa.types.is_struct(kind):
        # The fields of a null struct are null.
        for field in column.flatten():
            _fold(hashes, field)
    elif pa.types.is_nested(kind):
        runs, values = _elements(column, valid)
        if pa.types.is_map(kind):
            _fold_element_hashes(hashes, runs, valid, values, sort=True)
        else:
            _fold_list(hashes, runs, valid, values)
    else:
        _fold_values(hashes, _one_each(valid), valid, column)


def _fold_list(hashes: Hashes, runs: _Runs, valid: Valid, values: pa.Array) -> None:
    """Fold what lists hold, given the elements of all of them."""
    kind = values.type
    if pa.types.is_nested(kind) and not pa.types.is_struct(kind):
        _fold_element_hashes(hashes, runs, valid, values)
        return
    sizes = (runs.ends - runs.starts).astype(np.int32)
    present = _valid(values)
    if present.all():
        _kernels().fold_ints(hashes, *_one_each(valid), valid, sizes)
    else:
        nulls = np.concatenate([[0], np.cumsum(~present)])
        with_null = nulls[runs.ends] > nulls[runs.starts]
        _kernels().fold_ints(hashes, *_one_each(valid), valid, np.where(with_null, -1 - sizes, sizes))
        flagged = _Runs(runs.starts, np.where(with_null, runs.ends, runs.starts))
        _kernels().fold_ints(hashes, *flagged, np.ones_like(present), (~present).astype(np.int32))
    if pa.types.is_struct(kind):
        for field in values.flatten():
            _fold_list(hashes, runs, valid, field)
    else:
        _fold_values(hashes, runs, present, values)


def _fold_element_hashes(hashes: Hashes, runs: _Runs, valid: Valid, values: pa.Array, *, sort: bool = False) -> None:
    """Fold how many elements lists or maps have, and the hash of each, in ascending order on request."""
    _kernels().fold_ints(hashes, *_one_each(valid), valid, (runs.ends - runs.starts).astype(np.int32))
    inner = np.full((1, len(values)), _SEED, np.uint64)
    _fold(inner, values)
    longs = inner[0].view(np.int64)
    if sort:
        _kernels().sort_runs(*runs, longs)
    _kernels().fold_longs(hashes, *runs, np.ones(len(values), np.bool_), longs)


def _one_each(valid: Valid) -> _Runs:
    """Return the runs of one value a row."""
    places = np.arange(len(valid) + 1, dtype=np.int64)
    return _Runs(places[:-1], places[1:])


def _fold_values(hashes: Hashes, runs: _Runs, valid: Valid, values: pa.Array) -> None:
    """Fold values that are not nested, a run of them a row; nulls fold nothing."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        _kernels().fold_bytes(hashes, *runs, valid, *_byte_values(values))
    elif pa.types.is_decimal128(kind):
        words = _buffer(values, np.int64, 2).reshape(-1, 2)
        if kind.precision <= _LONG_DECIMAL:
            _kernels().fold_longs(hashes, *runs, valid, np.ascontiguousarray(words[:, 0]))
        else:
            _kernels().fold_bytes(hashes, *runs, valid, *_big_endian(words))
    elif pa.types.is_floating(kind):
        wide = pa.types.is_float64(kind)
        # All zeros are 0.0, and all NaNs one.
        floats = _buffer(values, np.float64 if wide else np.float32) + 0
        floats[np.isnan(floats)] = np.nan
        if wide:
            _kernels().fold_longs(hashes, *runs, valid, floats.view(np.int64))
        else:
            _kernels().fold_ints(hashes, *runs, valid, floats.view(np.int32))
    elif pa.types.is_int64(kind) or pa.types.is_timestamp(kind):
        _kernels().fold_longs(hashes, *runs, valid, _buffer(values, np.int64))
    else:
        _kernels().fold_ints(hashes, *runs, valid, _buffer(pc.cast(values, pa.int32()), np.int32))


@functools.cache
def _kernels() -> Any:
    """Return the module of the kernels; Numba, which compiles them, is loaded by the first flow that needs it."""
    return importlib.import_module("lakehouse.embedded.xxh64")


def _valid(column: pa.Array) -> Valid:
    if not column.null_count:
        return np.ones(len(column), np.bool_)
    valid: Valid = column.is_valid().to_numpy(zero_copy_only=False)
    return valid


def _elements(column: pa.Array, valid: Valid) -> tuple[_Runs, pa.Array]:
    """Return the elements of all lists of a column, and which are of which row; a null list has none."""
    if pa.types.is_fixed_size_list(column.type):
        size = column.type.list_size
        places = np.arange(len(column) + 1, dtype=np.int64) * size
        values = column.values.slice(column.offset * size, len(column) * size)
    else:
        places = column.offsets.to_numpy().astype(np.int64)
        first = int(places[0])
        values = column.values.slice(first, int(places[-1]) - first)
        places -= first
    return _Runs(places[:-1], np.where(valid, places[1:], places[:-1])), values


def _buffer(values: pa.Array, kind: Any, words: int = 1) -> npt.NDArray[Any]:
    """Return the values as they are in memory, so many words each; at nulls there may be anything."""
    data = values.buffers()[1]
    if data is None or not len(values):
        return np.zeros(len(values) * words, kind)
    # Read by count: a buffer may be longer than its values, by no whole number of them.
    offset = values.offset * words * np.dtype(kind).itemsize
    return np.frombuffer(data, kind, len(values) * words, offset)


def _byte_values(values: pa.Array) -> tuple[Ints, Bytes]:
    """Return offsets, int32 [values + 1], and bytes."""
    _, offsets, data = values.buffers()
    if offsets is None or not len(values):
        return np.zeros(len(values) + 1, np.int32), np.zeros(0, np.uint8)
    places = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return places, np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)


def _big_endian(words: Longs) -> tuple[Ints, Bytes]:
    """Return the shortest big-endian two's complement of 128-bit integers, as ``BigInteger.toByteArray`` gives it.

    Args:
        words: int64 [values, 2], the low word first.

    Returns:
        Offsets, int32 [values + 1], and bytes.
    """
    whole = np.ascontiguousarray(words).view(np.uint8).reshape(-1, 16)[:, ::-1]
    # A leading byte can go where it, and the bit after it, only repeat the sign.
    sign = np.where(whole[:, :1] >= 0x80, 0xFF, 0).astype(np.uint8)
    repeats = (whole[:, :-1] == sign) & ((whole[:, 1:] ^ sign) < 0x80)
    leading = np.logical_and.accumulate(repeats, axis=1).sum(axis=1)
    kept = np.arange(16) >= leading[:, None]
    offsets = np.concatenate([[0], np.cumsum(16 - leading)]).astype(np.int32)
    return offsets, np.ascontiguousarray(whole[kept])
