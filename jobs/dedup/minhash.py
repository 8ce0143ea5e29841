"""MinHash over word shingles (Broder 1997; bands as in Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4).

A shingle is `size` words in a row, with their signs (`jobs.text.signed_words`); a text with fewer words, but at least
one, is one shingle of all its words.
With b bands of r rows, two texts of Jaccard similarity s share a band with the probability 1 - (1 - s^r)^b:
for 20 bands of 6 rows 0.998 at s = 0.8, 0.980 at 0.75, 0.27 at 0.5.
"""

from __future__ import annotations

import functools

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import Offsets
from jobs.text.signed_words import signed_words
from jobs.text.words import Hashes

_SEED = 0x6D69786C616B6531


def shingle_sets(text: pa.Array, size: int, code: npt.NDArray[np.bool_]) -> tuple[Hashes, Offsets]:
    """Return each text's set of shingles as sorted distinct 64-bit hashes.

    Args:
        text: string or large_string [n].
        size: Words a shingle.
        code: bool [n], whether it is program code.

    Returns:
        uint64 [shingles], and int64 [n + 1]: text i has ``[offsets[i], offsets[i + 1])``. Two different shingles
        of a pair of 10^6-word texts collide with a chance below 10^-6.
    """
    hashes, places = signed_words(text, code)
    out = np.empty(len(hashes) + len(text), np.uint64)
    offsets = np.zeros(len(text) + 1, np.int64)
    total = _shingle_sets(hashes, places, size, out, offsets)
    return out[:total], offsets


def signatures(
    hashes: Hashes, places: Offsets, permutations: int, size: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the MinHash signature of each text.

    Args:
        hashes: uint64, the texts' words.
        places: int64 [n + 1], their offsets.
        permutations: Hash functions.
        size: Words a shingle.

    Returns:
        uint32 [n, permutations], and int64 [n], how many shingles the text has, repeats counted. The fraction of
        equal columns of two rows estimates their Jaccard similarity.
    """
    factors, terms = _coefficients(permutations)
    out = np.full((len(places) - 1, permutations), 0xFFFFFFFF, np.uint32)
    _signatures(hashes, places, size, factors, terms, out)
    count = np.diff(places)
    return out, np.where(count > 0, np.maximum(count - size + 1, 1), 0)


def band_keys(signature: npt.NDArray[np.uint32], bands: int, rows: int) -> npt.NDArray[np.int64]:
    """Return the key of each band: its rows of the signature mixed with the band's number.

    Args:
        signature: uint32 [n, bands * rows].
        bands: Bands.
        rows: Rows a band.

    Returns:
        int64 [n, bands]; two texts share a band where the keys are equal.
    """
    out = np.empty((len(signature), bands), np.int64)
    _band_keys(signature, bands, rows, out)
    return out


def split_mix(seed: int, count: int) -> Hashes:
    """Return uint64 [count] of the SplitMix64 generator (Steele, Lea, Flood 2014): the same on every machine."""
    with np.errstate(over="ignore"):
        state = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@functools.cache
def _coefficients(permutations: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Odd factors and terms of the permutations x -> a x + b modulo 2^32."""
    drawn = split_mix(_SEED, 2 * permutations)
    return (drawn[:permutations] >> np.uint64(32)).astype(np.uint32) | np.uint32(1), (
        drawn[permutations:] >> np.uint64(32)
    ).astype(np.uint32)


@numba.njit(nogil=True, cache=True)
def shingle(hashes: Hashes, start: int, size: int) -> np.uint64:
    """Return the hash of the `size` words from `start` on."""
    s = np.uint64(size)
    for j in range(start, start + size):
        s = s * np.uint64(0x9E3779B97F4A7C15) + hashes[j]
    s ^= s >> np.uint64(32)
    s *= np.uint64(0xBF58476D1CE4E5B9)
    return s ^ (s >> np.uint64(29))


@numba.njit(nogil=True, cache=True)
def sort_distinct(values: Hashes, begin: int, end: int) -> int:
    """Sort values[begin:end] and leave each out that repeats; return the new end."""
    part = values[begin:end]
    part.sort()
    kept = min(begin + 1, end)
    for i in range(begin + 1, end):
        if values[i] != values[kept - 1]:
            values[kept] = values[i]
            kept += 1
    return kept


@numba.njit(nogil=True, cache=True)
def _shingle_sets(hashes: Hashes, places: Offsets, size: int, out: Hashes, offsets: Offsets) -> int:
    total = 0
    for row in range(places.shape[0] - 1):
        first = places[row]
        count = places[row + 1] - first
        begin = total
        if count > 0:
            width = min(size, count)
            for i in range(first, first + count - width + 1):
                out[total] = shingle(hashes, i, width)
                total += 1
            total = sort_distinct(out, begin, total)
        offsets[row + 1] = total
    return total


@numba.njit(nogil=True, cache=True)
def _signatures(
    hashes: Hashes,
    places: Offsets,
    size: int,
    factors: npt.NDArray[np.uint32],
    terms: npt.NDArray[np.uint32],
    out: npt.NDArray[np.uint32],
) -> None:
    permutations = factors.shape[0]
    for row in range(places.shape[0] - 1):
        first = places[row]
        count = places[row + 1] - first
        if count == 0:
            continue
        width = min(size, count)
        best = out[row]
        for i in range(first, first + count - width + 1):
            x = np.uint32(shingle(hashes, i, width) >> np.uint64(32))
            for k in range(permutations):
                value = np.uint32(x * factors[k] + terms[k])
                best[k] = min(best[k], value)


@numba.njit(nogil=True, cache=True)
def _band_keys(signature: npt.NDArray[np.uint32], bands: int, rows: int, out: npt.NDArray[np.int64]) -> None:
    for i in range(signature.shape[0]):
        for band in range(bands):
            x = np.uint64(band + 1) * np.uint64(0x9E3779B97F4A7C15)
            for row in range(rows):
                x = (x ^ np.uint64(signature[i, band * rows + row])) * np.uint64(0xBF58476D1CE4E5B9)
                x ^= x >> np.uint64(27)
            x *= np.uint64(0x94D049BB133111EB)
            x ^= x >> np.uint64(31)
            out[i, band] = np.int64(x)
