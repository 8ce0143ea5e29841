"""Words as 64-bit hashes: lower-cased runs of letters and digits; in scripts without spaces each letter is one.

The rule is `jobs.text.characters.word_step`, by which `jobs.text.lines` counts, too; punctuation is no part of a word
here, and belongs to the word beside it there.
"""

# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays
from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import OUT, Bytes, Offsets, decode, lower_cases, text_buffers, word_classes, word_step

Hashes = npt.NDArray[np.uint64]


def words(text: pa.Array) -> tuple[Hashes, npt.NDArray[np.int32], Offsets]:
    """Return the words of each text.

    Args:
        text: string or large_string [n].

    Returns:
        Hashes uint64 [words], their lengths in characters int32 [words], and int64 [n + 1]: text i has the words
        ``[offsets[i], offsets[i + 1])``. Equal words have equal hashes; two of the 10^7 commonest words of a
        language collide with a chance below 10^-5.
    """
    data, offsets = text_buffers(text)
    room = int(offsets[-1] - offsets[0]) // 2 + len(offsets) + 1
    hashes = np.empty(room, np.uint64)
    lengths = np.empty(room, np.int32)
    places = np.zeros(len(offsets), np.int64)
    count = _words(data, offsets, word_classes(), lower_cases(), hashes, lengths, places)
    return hashes[:count], lengths[:count], places


def word_hash(word: str) -> int:
    """Return the hash that `words` gives a word."""
    return int(words(pa.array([word]))[0][0])


@numba.njit(nogil=True, cache=True)
def _words(
    data: Bytes,
    offsets: Offsets,
    classes: Bytes,
    lower: npt.NDArray[np.int32],
    hashes: Hashes,
    lengths: npt.NDArray[np.int32],
    places: Offsets,
) -> int:
    count = 0
    prime = np.uint64(0x100000001B3)  # FNV-1a, over code points
    basis = np.uint64(0xCBF29CE484222325)
    for row in range(offsets.shape[0] - 1):
        i = offsets[row]
        end = offsets[row + 1]
        h = basis
        length = 0
        state = OUT
        while i < end:
            point, size = decode(data, i)
            i += size
            state, begins = word_step(classes[point], state)
            if length > 0 and (begins or state == OUT):
                h ^= h >> np.uint64(32)
                h *= np.uint64(0x9E3779B97F4A7C15)
                hashes[count] = h ^ (h >> np.uint64(29))
                lengths[count] = length
                count += 1
                h = basis
                length = 0
            if state == OUT:
                continue
            h = (h ^ np.uint64(lower[point])) * prime
            length += 1
        if length > 0:
            h ^= h >> np.uint64(32)
            h *= np.uint64(0x9E3779B97F4A7C15)
            hashes[count] = h ^ (h >> np.uint64(29))
            lengths[count] = length
            count += 1
        places[row + 1] = count
    return count
