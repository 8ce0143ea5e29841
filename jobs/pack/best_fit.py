"""Best-fit packing, the order of packed rows, and copying ids into them."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(cache=True)
def best_fit(sizes: npt.NDArray[np.int64], capacity: int) -> tuple[npt.NDArray[np.int64], int]:
    """Put each size into the fullest row that still holds it, a new row where none does.

    Best fit decreasing (Johnson 1973) where sizes come largest first. Rows are kept by their free space in
    linked lists, one for each space, and a bit set says which lists hold rows, so that a size costs a look
    at capacity / 64 words at most.

    Args:
        sizes: int64 [n], each in [1, capacity].
        capacity: Size of a row.

    Returns:
        The row of each size, int64 [n], and the number of rows.
    """
    n = len(sizes)
    row_of = np.empty(n, np.int64)
    newest = np.full(capacity + 1, -1, np.int64)  # newest row by free space
    before = np.empty(n, np.int64)  # the row below it in the same list
    words = np.zeros(capacity // 64 + 1, np.uint64)
    one = np.uint64(1)
    rows = 0
    for i in range(n):
        size = sizes[i]
        free = -1
        word = size >> 6
        bits = words[word] & ~((one << np.uint64(size & 63)) - one)
        while True:
            if bits:
                bit = 0
                while not (bits >> np.uint64(bit)) & one:
                    bit += 1
                free = (word << 6) + bit
                break
            word += 1
            if word >= len(words):
                break
            bits = words[word]
        if free < 0:
            row, free = rows, capacity
            rows += 1
        else:
            row = newest[free]
            newest[free] = before[row]
            if before[row] < 0:
                words[free >> 6] &= ~(one << np.uint64(free & 63))
        row_of[i] = row
        left = free - size
        if left > 0:
            before[row] = newest[left]
            newest[left] = row
            words[left >> 6] |= one << np.uint64(left & 63)
    return row_of, rows


@numba.njit(cache=True)
def least_discrepancy(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Order rows so that every prefix holds the cells nearly in the shares of the whole.

    Greedy: next comes the row after which the squared distance of the cells' tokens from their shares is
    least; of equals, the first.

    Args:
        counts: int64 [rows, cells], tokens.

    Returns:
        The rows in their order, int64 [rows].
    """
    rows, cells = counts.shape
    total = max(1, counts.sum())
    shares = np.zeros(cells)
    for row in range(rows):
        for cell in range(cells):
            shares[cell] += counts[row, cell] / total
    delta = np.empty((rows, cells))
    norm = np.zeros(rows)
    for row in range(rows):
        length = counts[row].sum()
        for cell in range(cells):
            delta[row, cell] = counts[row, cell] - shares[cell] * length
            norm[row] += delta[row, cell] ** 2
    error = np.zeros(cells)
    left = np.arange(rows)
    order = np.empty(rows, np.int64)
    for place in range(rows):
        best, least = 0, np.inf
        for at in range(rows - place):
            row = left[at]
            change = norm[row]
            for cell in range(cells):
                change += 2.0 * error[cell] * delta[row, cell]
            if change < least or (change == least and row < left[best]):
                best, least = at, change
        row = left[best]
        order[place] = row
        left[best] = left[rows - place - 1]
        for cell in range(cells):
            error[cell] += delta[row, cell]
    return order


@numba.njit(cache=True)
def copy_ranges(
    source: npt.NDArray[np.int32],
    begins: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    out: npt.NDArray[np.int32],
) -> None:
    """Copy ranges of one array to places of another.

    Args:
        source: int32 [m].
        begins: int64 [n], where each range begins in the source.
        lengths: int64 [n].
        places: int64 [n], where each goes.
        out: int32, changed in place.
    """
    for i in range(len(begins)):
        out[places[i] : places[i] + lengths[i]] = source[begins[i] : begins[i] + lengths[i]]
