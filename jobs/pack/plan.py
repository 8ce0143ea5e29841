"""Where each document of a window goes: rows by best fit, their order by least discrepancy.

A plan looks at lengths and cells alone, so that the rows of a window are counted without its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lengths:
    """The samples of a window in a fixed order, that of virtual time.

    Args:
        part_offsets: int64 [n + 1], into ``part_ends``.
        part_ends: int64, ends of the documents that a sample makes, the last its number of tokens.
        cell: int64 [n], number of its cell.
        cells: How many cells there are.
    """

    part_offsets: Ints
    part_ends: Ints
    cell: Ints
    cells: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The documents of packed rows, row by row and in the order in which they occur.

    Args:
        sample: int64 [d], number of the document's sample.
        begin: int64 [d], its first token in the sample.
        end: int64 [d], one past its last.
        row: int64 [d], ascending.
        place: int64 [d], where it begins in the row.
        whole: bool [d], whether the sample is whole in the row.
        rows: How many rows there are.
        counts: int64 [rows, cells], real tokens.
    """

    sample: Ints
    begin: Ints
    end: Ints
    row: Ints
    place: Ints
    whole: npt.NDArray[np.bool_]
    rows: int
    counts: Ints


def plan_rows(lengths: Lengths, row_length: int, align: int) -> Plan:
    """Pack a window.

    A sample that fits a row is not split. Of a longer one each document is cut into pieces of a row's
    length; a continuation begins with its predecessor's last token, so that its first new token has a context.

    Args:
        lengths: The samples.
        row_length: Tokens of a row, a multiple of ``align``.
        align: Documents begin at multiples of it.
    """
    from jobs.pack.best_fit import best_fit, least_discrepancy

    sample, begin, end, whole = _documents(lengths, row_length, align)
    taken = _aligned(end - begin, align)
    # A unit goes into one row: a whole sample, or one piece of a longer one.
    first = np.ones(len(sample), bool)
    first[1:] = (sample[1:] != sample[:-1]) | ~whole[1:]
    unit = np.cumsum(first) - 1
    sizes = np.bincount(unit, weights=taken).astype(np.int64)
    largest = np.argsort(-sizes, kind="stable")
    row_of = np.empty(len(sizes), np.int64)
    placed, rows = best_fit(sizes[largest], row_length)
    row_of[largest] = placed
    row = row_of[unit]
    counts = _counts(row, lengths.cell[sample], end - begin, rows, lengths.cells)
    order = least_discrepancy(counts)
    rank = np.empty(rows, np.int64)
    rank[order] = np.arange(rows)
    row = rank[row]
    by_row = np.argsort(row, kind="stable")
    row, taken = row[by_row], taken[by_row]
    cumulative = np.cumsum(taken) - taken
    starts = cumulative[np.searchsorted(row, np.arange(rows))]
    return Plan(
        sample=sample[by_row],
        begin=begin[by_row],
        end=end[by_row],
        row=row,
        place=cumulative - starts[row],
        whole=whole[by_row],
        rows=rows,
        counts=counts[order],
    )


def _documents(lengths: Lengths, row_length: int, align: int) -> tuple[Ints, Ints, Ints, npt.NDArray[np.bool_]]:
    """Return sample, begin, end and wholeness of each document, cut where it must be."""
    parts = np.diff(lengths.part_offsets)
    owner = np.repeat(np.arange(len(parts)), parts)
    part_end = lengths.part_ends
    part_begin = np.zeros_like(part_end)
    part_begin[1:] = np.where(owner[1:] == owner[:-1], part_end[:-1], 0)
    size = np.bincount(owner, weights=_aligned(part_end - part_begin, align), minlength=len(parts))
    fits = (size <= row_length)[owner]
    length = part_end - part_begin
    step = row_length - 1
    pieces = np.where(length <= row_length, 1, -(-(length - 1) // step))
    of = np.repeat(np.arange(len(part_end)), pieces)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = part_begin[of] + nth * step
    end = np.minimum(begin + row_length, part_end[of])
    return owner[of], begin, end, fits[of]


def _aligned(length: Ints, align: int) -> Ints:
    return -(-length // align) * align


def _counts(row: Ints, cell: Ints, length: Ints, rows: int, cells: int) -> Ints:
    flat = np.bincount(row * cells + cell, weights=length, minlength=rows * cells)
    return flat.reshape(rows, cells).astype(np.int64)
