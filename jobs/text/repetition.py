"""Repeated n-grams of words (Gopher, arXiv:2112.11446, table A1), with the characters that they cover.

Characters are those of words; blanks and punctuation are not counted, above or below the fraction.
"""
# ruff: noqa: PLR0913, PLR0915, PLR0917, PLR0912, C901 - one loop over words, in flat arrays

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from jobs.text.characters import Offsets
from jobs.text.words import Hashes

TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)

# A longer text is measured by this many words from its beginning, which bounds the tables to a few megabytes.
LIMIT = 1 << 18


def ngram_fractions(
    hashes: Hashes, lengths: npt.NDArray[np.int32], places: Offsets, per_word: npt.NDArray[np.float64] | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how much of each text its commonest and its repeated n-grams cover.

    Args:
        hashes: uint64 [words], of `jobs.text.words.words`.
        lengths: int32 [words], characters.
        places: int64 [n + 1], offsets of each text's words.
        per_word: float64 [n], 1 or more: how many of these make a word, where letters are counted for words; an n-gram
            is of that many times n, rounded. None is 1.

    Returns:
        float64 [n, len(TOP)]: characters in the commonest n-gram's occurrences that do not overlap, over all; 0
        where no n-gram occurs twice (ties go to the longer one). float64 [n, len(DUPLICATE)]: characters in
        n-grams that occurred before, none counted twice, over all.
    """
    texts = len(places) - 1
    top = np.zeros((texts, len(TOP)), np.float64)
    duplicate = np.zeros((texts, len(DUPLICATE)), np.float64)
    most = min(int(np.diff(places).max(initial=0)), LIMIT)
    room = 16
    while room < 2 * most:
        room *= 2
    tables = (np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(most, np.uint64))
    units = np.ones(texts) if per_word is None else np.maximum(per_word, 1.0)
    _fractions(hashes, lengths, places, units, *tables, top, duplicate)
    return top, duplicate


def distinct_of(hashes: Hashes, places: Offsets, wanted: Hashes) -> npt.NDArray[np.int32]:
    """Return how many of at most 64 given words occur in each text.

    Args:
        hashes: uint64 [words].
        places: int64 [n + 1].
        wanted: uint64 [k], their hashes.

    Returns:
        int32 [n].
    """
    out = np.zeros(len(places) - 1, np.int32)
    _distinct(hashes, places, wanted, out)
    return out


@numba.njit(nogil=True, cache=True)
def _distinct(hashes: Hashes, places: Offsets, wanted: Hashes, out: npt.NDArray[np.int32]) -> None:
    for row in range(places.shape[0] - 1):
        found = np.zeros(wanted.shape[0], np.bool_)
        for i in range(places[row], places[row + 1]):
            for k in range(wanted.shape[0]):
                found[k] |= hashes[i] == wanted[k]
        out[row] = found.sum()


@numba.njit(nogil=True, cache=True)
def _slot(table: Hashes, mask: int, h: np.uint64) -> int:
    """Return the slot of h, or the free slot where it belongs; 0 marks a free slot."""
    slot = np.int64((h * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)) & mask
    while table[slot] != 0 and table[slot] != h:
        slot = (slot + 1) & mask
    return slot


@numba.njit(nogil=True, cache=True)
def _span(lengths: npt.NDArray[np.int32], first: int, n: int) -> int:
    total = 0
    for j in range(first, first + n):
        total += lengths[j]
    return total


@numba.njit(nogil=True, cache=True)
def _fractions(
    hashes: Hashes,
    lengths: npt.NDArray[np.int32],
    places: Offsets,
    per_word: npt.NDArray[np.float64],
    table: Hashes,
    counts: npt.NDArray[np.int32],
    grams: Hashes,
    top: npt.NDArray[np.float64],
    duplicate: npt.NDArray[np.float64],
) -> None:
    for row in range(places.shape[0] - 1):
        first = places[row]
        words = min(places[row + 1] - first, LIMIT)
        if words < 2:
            continue
        all_chars = _span(lengths, first, words)
        size = 16
        while size < 2 * words:
            size *= 2
        mask = size - 1
        for i in range(words):
            grams[i] = hashes[first + i]
        width = 1
        for n in range(2, 11):
            size_of_n = int(n * per_word[row] + 0.5)
            here = words - size_of_n + 1
            if here < 2:
                break
            # The hash of that many words from that of one less; 0 is kept for free places.
            while width < size_of_n:
                width += 1
                for i in range(words - width + 1):
                    h = grams[i] * np.uint64(0xBF58476D1CE4E5B9) + hashes[first + i + width - 1]
                    h ^= h >> np.uint64(31)
                    grams[i] = h if h != 0 else np.uint64(1)
            table[:size] = 0
            if n <= 4:
                best = 1
                best_span = 0
                best_gram = np.uint64(0)
                for i in range(here):
                    slot = _slot(table, mask, grams[i])
                    if table[slot] == 0:
                        table[slot] = grams[i]
                        counts[slot] = 1
                        continue
                    counts[slot] += 1
                    if counts[slot] >= best and counts[slot] > 1:
                        span = _span(lengths, first + i, size_of_n)
                        if counts[slot] > best or span > best_span:
                            best = counts[slot]
                            best_span = span
                            best_gram = grams[i]
                if best_gram != 0:
                    covered = 0
                    i = 0
                    while i < here:
                        if grams[i] == best_gram:
                            covered += best_span
                            i += size_of_n
                        else:
                            i += 1
                    top[row, n - 2] = covered / all_chars
            else:
                covered = 0
                i = 0
                while i < here:
                    slot = _slot(table, mask, grams[i])
                    if table[slot] == 0:
                        table[slot] = grams[i]
                        i += 1
                    else:
                        covered += _span(lengths, first + i, size_of_n)
                        i += size_of_n
                duplicate[row, n - 5] = covered / all_chars
