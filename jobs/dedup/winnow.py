"""Fingerprints of text by winnowing: of every `window` shingles in a row the least stays.

Schleimer, Wilkerson, Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003. What is chosen
depends on the neighbourhood alone: any run of `window` equal shingles in two texts has a common fingerprint, wherever
it stands in them and however long they are. MinHash, which samples a whole text, loses a short text in a long one.
About 2 of `window` + 1 shingles are chosen.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from jobs.dedup.minhash import shingle, sort_distinct
from jobs.text.characters import Offsets
from jobs.text.words import Hashes


def fingerprints(hashes: Hashes, places: Offsets, size: int, window: int) -> tuple[npt.NDArray[np.int64], Offsets]:
    """Return each text's fingerprints, sorted and distinct.

    Args:
        hashes: uint64, the texts' words.
        places: int64 [n + 1], their offsets.
        size: Words a shingle.
        window: Shingles of which one is chosen; a text with fewer has one fingerprint.

    Returns:
        int64 [fingerprints], and int64 [n + 1], the offsets.
    """
    out = np.empty(len(hashes) + len(places), np.uint64)
    offsets = np.zeros(len(places), np.int64)
    total = _fingerprints(hashes, places, size, window, out, offsets)
    return out[:total].view(np.int64), offsets


@numba.njit(nogil=True, cache=True)
def _fingerprints(hashes: Hashes, places: Offsets, size: int, window: int, out: Hashes, offsets: Offsets) -> int:
    total = 0
    ring = np.empty(window, np.uint64)  # the last shingles
    for row in range(places.shape[0] - 1):
        first = places[row]
        count = places[row + 1] - first
        begin = total
        if count > 0:
            width = min(size, count)
            shingles = count - width + 1
            least = -1  # the number of the least shingle of the window, the last of equal ones
            for i in range(shingles):
                ring[i % window] = shingle(hashes, first + i, width)
                before = least
                if least < 0 or i - least >= window:
                    least = max(0, i - window + 1)
                    for j in range(least + 1, i + 1):
                        if ring[j % window] <= ring[least % window]:
                            least = j
                elif ring[i % window] <= ring[least % window]:
                    least = i
                if (i >= window - 1 and (least != before or i == window - 1)) or i == shingles - 1 < window - 1:
                    out[total] = ring[least % window]
                    total += 1
            total = sort_distinct(out, begin, total)
        offsets[row + 1] = total
    return total
