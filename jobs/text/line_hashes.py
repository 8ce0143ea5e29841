"""Lines as 64-bit hashes: in lower case, each run of blanks a blank and each number a nought."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import BLANK, NUMERIC, Bytes, Offsets, character_flags, decode, lower_cases, text_buffers
from jobs.text.words import Hashes


def line_hashes(text: pa.Array) -> tuple[Hashes, npt.NDArray[np.int32], Offsets]:
    """Return the lines of each text that are not blank.

    Lines that differ in their numbers, case or blanks alone have one hash, as "Page 3 of 90" and "page 4  of 90".

    Args:
        text: string or large_string [n].

    Returns:
        Hashes uint64 [lines], their lengths in characters without outer blanks int32 [lines], and int64 [n + 1]: text
        i has the lines ``[offsets[i], offsets[i + 1])``.
    """
    data, offsets = text_buffers(text)
    room = int((data[offsets[0] : offsets[-1]] == 10).sum()) + len(offsets)
    hashes = np.empty(room, np.uint64)
    lengths = np.empty(room, np.int32)
    places = np.zeros(len(offsets), np.int64)
    count = _line_hashes(data, offsets, lower_cases(), character_flags(), hashes, lengths, places)
    return hashes[:count], lengths[:count], places


@numba.njit(nogil=True, cache=True)
def _line_hashes(  # noqa: PLR0913, PLR0917 - flat arrays
    data: Bytes,
    offsets: Offsets,
    lower: npt.NDArray[np.int32],
    flags: Bytes,
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
        length = solid = 0
        number = False
        while i <= end:
            point, size = decode(data, i) if i < end else (np.int64(10), 1)
            i += size
            if point == 10:
                if solid > 0:
                    h ^= h >> np.uint64(32)
                    h *= np.uint64(0x9E3779B97F4A7C15)
                    hashes[count] = h ^ (h >> np.uint64(29))
                    lengths[count] = solid
                    count += 1
                h = basis
                length = solid = 0
                number = False
            elif flags[point] & BLANK:
                length += length > 0
            else:
                if length > solid:
                    h = (h ^ np.uint64(32)) * prime
                    number = False
                length += 1
                solid = length
                digit = flags[point] & NUMERIC != 0
                if not (digit and number):
                    h = (h ^ np.uint64(48 if digit else lower[point])) * prime
                number = digit
        places[row + 1] = count
    return count
