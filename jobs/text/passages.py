"""Passages of texts: paragraphs and lines, joined where they are short and cut where they are long.

What is measured by passage, a language say, is measured of what stands together: a heading goes with what follows it,
and a page of two languages shows as two sorts of passages.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import Bytes, Offsets, as_text, text_buffers

# A passage that ends with its line has at least this share of the bytes that one may have.
_LEAST = 4


def passages(text: pa.Array, most: int, size: int) -> tuple[pa.Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Cut each text into passages, and take some that lie evenly over it where there are more.

    A passage ends with a line once it has a quarter of `size`, with a blank line sooner, and at the last blank
    before `size` (at a character's end where there is no blank).

    Args:
        text: string or large_string [n].
        most: Passages to take of a text at most.
        size: Bytes of a passage at most.

    Returns:
        large_string [m], the passages; int64 [m], the row that each is of, in order; int64 [m], the bytes of text
        that each stands for: its own, and its share of what was not taken.
    """
    data, offsets = text_buffers(text)
    bound = int(offsets[-1] - offsets[0]) // max(size // _LEAST // 2, 1) + 2 * len(offsets) + 2
    begins, ends, rows = (np.empty(bound, np.int64) for _ in range(3))
    count = _cut(data, offsets, size, begins, ends, rows)
    begins, ends, rows = begins[:count], ends[:count], rows[:count]
    per_row = np.bincount(rows, minlength=len(text))
    first = np.concatenate([[0], np.cumsum(per_row)])[rows] if count else rows
    place, number = np.arange(count) - first, per_row[rows]
    # Of more than `most`, those at which a ruler of `most` steps passes on.
    taken = (number <= most) | ((place * most) // number != ((place - 1) * most) // number)
    standing = np.bincount(rows, weights=ends - begins, minlength=len(text))
    begins, ends, rows = begins[taken], ends[taken], rows[taken]
    kept = np.bincount(rows, weights=ends - begins, minlength=len(text))
    weight = (ends - begins) * np.divide(standing, kept, out=np.ones(len(text)), where=kept > 0)[rows]
    lengths = ends - begins
    places = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    gathered = np.empty(int(places[-1]), np.uint8)
    _gather(data, begins, places, gathered)
    return as_text(gathered, places), rows, np.rint(weight).astype(np.int64)


@numba.njit(nogil=True, cache=True)
def _cut(data: Bytes, offsets: Offsets, size: int, begins: Offsets, ends: Offsets, rows: Offsets) -> int:
    count = 0
    least = max(size // _LEAST, 1)
    for row in range(offsets.shape[0] - 1):
        i = offsets[row]
        end = offsets[row + 1]
        begin = i
        blank = i  # behind the last blank of the passage
        line_ends = 0  # in a row
        while i < end:
            byte = data[i]
            i += 1
            done = i == end
            if byte == 10:
                line_ends += 1
                blank = i
                done = done or i - begin >= least or (line_ends > 1 and i - begin >= least // 2)
            elif byte in (9, 13, 32):
                blank = i
            else:
                line_ends = 0
            stop = i
            if not done and i - begin >= size:
                done = True
                # Behind a blank where one is near enough, else before the character that is cut.
                if blank - begin >= least:
                    stop = blank
                else:
                    while stop > begin + 1 and stop < end and (data[stop] & 0xC0) == 0x80:
                        stop -= 1
            if done:
                begins[count] = begin
                ends[count] = stop
                rows[count] = row
                count += 1
                begin = i = blank = stop
                line_ends = 0
    return count


@numba.njit(nogil=True, cache=True)
def _gather(data: Bytes, begins: Offsets, places: Offsets, out: Bytes) -> None:
    for k in range(begins.shape[0]):
        for j in range(places[k + 1] - places[k]):
            out[places[k] + j] = data[begins[k] + j]
