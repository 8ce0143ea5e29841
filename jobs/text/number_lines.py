"""Characters of the lines that numbers or hashes dominate: tables of digits, checksums, dumps."""
# ruff: noqa: PLR0912, C901 - one loop over characters, in flat arrays

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import ALPHABETIC, BLANK, NUMERIC, Bytes, Offsets, character_flags, decode, text_buffers

# Columns of the counts: characters that are not blank.
CHARS = 0  # of the text
DIGIT_LINES = 1  # of lines that are over half numbers and hashes, of them more numbers
HASH_LINES = 2  # of lines that are over half numbers and hashes, of them more hashes
WIDTH = 3

# The shortest hexadecimal run that counts as a hash is git's short name; words of a to f have no digit.
SHORTEST_HEX = 7
# The shortest run in base 64: a MD5 sum has 22.
SHORTEST_BASE64 = 20


def number_lines(text: pa.Array) -> npt.NDArray[np.int64]:
    """Return int64 [n, WIDTH], the counts named above of each text.

    A hash is a run of letters and digits that is hexadecimal with both among them, or that is long and of capitals,
    small letters and digits. A shorter hexadecimal run with a digit is a number, as are digits and what begins 0x.

    Args:
        text: string or large_string [n].
    """
    data, offsets = text_buffers(text)
    out = np.zeros((len(text), WIDTH), np.int64)
    _count(data, offsets, character_flags(), out)
    return out


@numba.njit(nogil=True, cache=True)
def _count(data: Bytes, offsets: Offsets, flags: Bytes, out: npt.NDArray[np.int64]) -> None:
    for row in range(offsets.shape[0] - 1):
        i = offsets[row]
        end = offsets[row + 1]
        solid = numbers = hashes = 0  # of the line
        run = digits = hexes = capitals = small = 0  # of the run of letters and digits
        prefixed = False  # it begins with 0x
        while i <= end:
            if i < end:
                point, step = decode(data, i)
            else:
                point, step = np.int64(10), 1
            i += step
            flag = flags[point]
            if flag & (ALPHABETIC | NUMERIC):
                solid += 1
                run += 1
                digits += (flag & NUMERIC) != 0
                hexes += 48 <= point <= 57 or 97 <= point <= 102 or 65 <= point <= 70
                capitals += 65 <= point <= 90
                small += 97 <= point <= 122
                prefixed = prefixed or (run == 2 and digits == 1 and hexes == 1 and point in (88, 120))
                continue
            if run > 0:
                mixed = digits > 0 and digits < run
                if prefixed:
                    numbers += run
                elif hexes == run and mixed:
                    if run < SHORTEST_HEX:
                        numbers += run
                    else:
                        hashes += run
                elif run >= SHORTEST_BASE64 and 10 * digits >= run and min(capitals, small) >= 3:
                    hashes += run
                else:
                    numbers += digits
                run = digits = hexes = capitals = small = 0
                prefixed = False
            if not flag & BLANK:
                solid += 1
            if point == 10:
                out[row, CHARS] += solid
                if 2 * (numbers + hashes) > solid:
                    out[row, DIGIT_LINES if numbers >= hashes else HASH_LINES] += solid
                solid = numbers = hashes = 0
