"""XXH64 of runs of values: kernels that fold a column into the running hash of each row.

The hash of a value under a seed is XXH64 (the XXH64 specification by Yann Collet,
https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md) of its little-endian bytes. To fold a value into a
running hash is to hash it with the running hash as the seed, as Spark's ``XxHash64`` expression folds its arguments and
the elements of an array.

All kernels take ``hashes``, uint64 [halves, rows], and change it in place. Values come as runs: row i folds the values
``starts[i]`` to ``ends[i]``, in order, of those that ``valid`` marks, bool [values].
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Valid = npt.NDArray[np.bool_]

_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)
_LOW_HALF = np.uint64(0xFFFFFFFF)


def _read(kind: Any) -> Any:
    # Arrow's buffers are read-only, arrays made from them are not: one signature takes both.
    return types.Array(kind, 1, "C", readonly=True)


_HASHES = types.Array(types.uint64, 2, "C")
_INTS, _LONGS, _BYTES, _VALID = (_read(kind) for kind in (types.int32, types.int64, types.uint8, types.boolean))


@numba.njit(inline="always")
def _rotate(x: Any, bits: Any) -> Any:
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@numba.njit(inline="always")
def _mix(h: Any) -> Any:
    h ^= h >> np.uint64(33)
    h *= _P2
    h ^= h >> np.uint64(29)
    h *= _P3
    return h ^ (h >> np.uint64(32))


@numba.njit(inline="always")
def _round(h: Any, word: Any) -> Any:
    return _rotate(h + word * _P2, 31) * _P1


@numba.njit(inline="always")
def _take_int(h: Any, value: Any) -> Any:
    return _rotate(h ^ (np.uint64(value) & _LOW_HALF) * _P1, 23) * _P2 + _P3


@numba.njit(inline="always")
def _take_long(h: Any, value: Any) -> Any:
    return _rotate(h ^ _round(np.uint64(0), np.uint64(value)), 27) * _P1 + _P4


@numba.njit(inline="always")
def _int_hash(h: Any, value: Any) -> Any:
    return _mix(_take_int(h + _P5 + np.uint64(4), value))


@numba.njit(inline="always")
def _long_hash(h: Any, value: Any) -> Any:
    return _mix(_take_long(h + _P5 + np.uint64(8), value))


def _load(width: int) -> Any:
    """Return a function of (data, i) that reads a little-endian word of so many bits at byte i, aligned or not.

    Put together from single bytes, a word costs several times the arithmetic on it.
    """

    @intrinsic
    def load(typing_context: Any, data: Any, i: Any) -> Any:  # noqa: ARG001 - what Numba calls it with
        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, args[0])
            place = builder.gep(array.data, [args[1]])
            word = builder.load(builder.bitcast(place, ir.IntType(width).as_pointer()), align=1)
            return builder.zext(word, ir.IntType(64)) if width < 64 else word

        return types.uint64(data, types.uint64), build

    return load


_word32, _word64 = _load(32), _load(64)


@numba.njit(types.uint64(types.uint64, _BYTES, types.uint64, types.uint64), cache=True, nogil=True)
def bytes_hash(seed: Any, data: Bytes, start: Any, end: Any) -> Any:
    """Return XXH64 of the bytes from ``start`` to ``end`` of ``data`` under a seed."""
    one, eight, step = np.uint64(1), np.uint64(8), np.uint64(32)
    i = start
    length = end - start
    if length >= step:
        a, b, c, d = seed + _P1 + _P2, seed + _P2, seed, seed - _P1
        while i + step <= end:
            a = _round(a, _word64(data, i))
            b = _round(b, _word64(data, i + eight))
            c = _round(c, _word64(data, i + np.uint64(16)))
            d = _round(d, _word64(data, i + np.uint64(24)))
            i += step
        h = _rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)
        for lane in (a, b, c, d):
            h = (h ^ _round(np.uint64(0), lane)) * _P1 + _P4
    else:
        h = seed + _P5
    h += length
    while i + eight <= end:
        h = _take_long(h, _word64(data, i))
        i += eight
    if i + np.uint64(4) <= end:
        h = _take_int(h, _word32(data, i))
        i += np.uint64(4)
    while i < end:
        h = _rotate(h ^ np.uint64(data[i]) * _P5, 11) * _P1
        i += one
    return _mix(h)


@numba.njit(types.void(_HASHES, _VALID), cache=True, nogil=True)
def fold_nulls(hashes: Hashes, valid: Valid) -> None:
    """Fold whether each row's value is null: the int 1 where it is, else 0."""
    for i in range(hashes.shape[1]):
        null = np.int32(0) if valid[i] else np.int32(1)
        for half in range(hashes.shape[0]):
            hashes[half, i] = _int_hash(hashes[half, i], null)


@numba.njit(types.void(_HASHES, _LONGS, _LONGS, _VALID, _INTS), cache=True, nogil=True)
def fold_ints(hashes: Hashes, starts: Longs, ends: Longs, valid: Valid, values: Ints) -> None:
    """Fold values of four bytes."""
    for i in range(hashes.shape[1]):
        for j in range(starts[i], ends[i]):
            if valid[j]:
                for half in range(hashes.shape[0]):
                    hashes[half, i] = _int_hash(hashes[half, i], values[j])


@numba.njit(types.void(_HASHES, _LONGS, _LONGS, _VALID, _LONGS), cache=True, nogil=True)
def fold_longs(hashes: Hashes, starts: Longs, ends: Longs, valid: Valid, values: Longs) -> None:
    """Fold values of eight bytes."""
    for i in range(hashes.shape[1]):
        for j in range(starts[i], ends[i]):
            if valid[j]:
                for half in range(hashes.shape[0]):
                    hashes[half, i] = _long_hash(hashes[half, i], values[j])


@numba.njit(types.void(_HASHES, _LONGS, _LONGS, _VALID, _INTS, _BYTES), cache=True, nogil=True)
def fold_bytes(hashes: Hashes, starts: Longs, ends: Longs, valid: Valid, offsets: Ints, data: Bytes) -> None:
    """Fold values of several bytes; value j is ``data[offsets[j]:offsets[j + 1]]``."""
    for i in range(hashes.shape[1]):
        for j in range(starts[i], ends[i]):
            if valid[j]:
                start, end = np.uint64(offsets[j]), np.uint64(offsets[j + 1])
                for half in range(hashes.shape[0]):
                    hashes[half, i] = bytes_hash(hashes[half, i], data, start, end)


@numba.njit(types.void(_LONGS, _LONGS, types.Array(types.int64, 1, "C")), cache=True, nogil=True)
def sort_runs(starts: Longs, ends: Longs, values: Longs) -> None:
    """Sort the values of each run in place; runs of maps are short."""
    for i in range(starts.shape[0]):
        for j in range(starts[i] + 1, ends[i]):
            value, k = values[j], j
            while k > starts[i] and values[k - 1] > value:
                values[k] = values[k - 1]
                k -= 1
            values[k] = value
