r"""Words with their signs, as 64-bit hashes: what texts are compared by.

A word is a run of letters and digits, lower-cased, with the marks on them; in scripts that break lines inside words
(Han, kana, Hangul, Thai, Lao, Myanmar, Khmer, Yi) each letter is one. Line breaks and blanks do not count, and a
hyphen between letters joins them, so that a text and its hard-wrapped copy give the same words. A word carries the
signs before it; what stands behind the last word is a word of its own. So ``-5`` is not ``5``, ``a < b`` not
``a > b``, C# not C++, and a text of emoji has a word.

In code every sign counts. In text those do that mean something wherever they stand: mathematical, currency and other
symbols (emoji among them) and ``# % & * @ / \``; a dash, dot, colon, exclamation or question mark directly before a
word or symbol and not behind a word; and those between two digits. Punctuation by orthography does not, nor does
layout: bullets and marks of headings before a blank at the beginning of a line, lines and boxes that are drawn, four
and more equal ASCII signs in a row.
"""

# ruff: noqa: PLR0912, PLR0913, PLR0915, PLR0917, C901, RUF001 - one loop over characters, in flat arrays
from __future__ import annotations

import functools
import unicodedata

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import (
    BLANK,
    CODE_POINTS,
    MARK,
    NUMERIC,
    SEPARATOR,
    SOLO,
    WORD,
    Bytes,
    Offsets,
    character_flags,
    decode,
    lower_cases,
    text_buffers,
    word_classes,
)
from jobs.text.words import Hashes

# Kinds of signs: of no meaning, which counts wherever it stands, which counts before a word, between digits, in code.
NONE, ALWAYS, BEFORE, INNER, CODE = range(5)
_ALWAYS = "#%&*@/\\"
_BEFORE = "-‑‒–.:!?"
_LAYOUT = "`´¨¯¸˜"
_BULLETS = "*+#=-"
_HYPHENS = "-\u2010\u00ad"
_HANGUL = (0xAC00, 0xD7A3)
# Arrows are signs; box drawing, block elements and geometric shapes are drawn lines and bullets.
_DRAWN = (0x2500, 0x25FF)


def signed_words(text: pa.Array, code: npt.NDArray[np.bool_]) -> tuple[Hashes, Offsets]:
    """Return the words of each text with their signs.

    Args:
        text: string or large_string [n].
        code: bool [n], whether it is program code.

    Returns:
        Hashes uint64 [words], and int64 [n + 1]: text i has the words ``[offsets[i], offsets[i + 1])``. A word
        without signs has the hash that `jobs.text.words.words` gives it.
    """
    data, offsets = text_buffers(text)
    out = np.empty(int(offsets[-1] - offsets[0]) // 2 + 2 * len(offsets) + 2, np.uint64)
    places = np.zeros(len(offsets), np.int64)
    count = _signed_words(
        data, offsets, code.astype(np.uint8), _classes(), lower_cases(), character_flags(), _signs(), out, places
    )
    return out[:count], places


@functools.cache
def _classes() -> Bytes:
    """Word classes, in which a Hangul syllable is a word, since Korean lines may break behind any."""
    table = word_classes().copy()
    table[_HANGUL[0] : _HANGUL[1] + 1] = SOLO
    return table


@functools.cache
def _signs() -> Bytes:
    """Return uint8 [code points], the kind of sign that a character is."""
    table = np.zeros(CODE_POINTS, np.uint8)
    for point in (*range(0x3200), *range(0xE000, 0x10000), *range(0x1D000, 0x20000), *range(0xE0000, 0xE0080)):
        category = unicodedata.category(chr(point))
        if category[0] == "S":
            table[point] = ALWAYS
        elif category[0] == "P" or category in {"Cf", "Co"}:
            table[point] = CODE
    table[_DRAWN[0] : _DRAWN[1] + 1] = CODE
    for signs, kind in ((_ALWAYS, ALWAYS), (_BEFORE, BEFORE), (",", INNER), (_LAYOUT, CODE)):
        for sign in signs:
            table[ord(sign)] = kind
    table[word_classes() != SEPARATOR] = NONE
    return table


_BULLET_POINTS = np.array([ord(sign) for sign in _BULLETS], np.int64)
_HYPHEN_POINTS = np.array([ord(sign) for sign in _HYPHENS], np.int64)
_BAR = ord("|")
_DOT = ord(".")


@numba.njit(inline="always")
def _point(data: Bytes, i: int, end: int) -> int:
    """Return the character at byte i, a line end behind the text."""
    return decode(data, i)[0] if i < end else 10


@numba.njit(inline="always")
def _is_in(points: npt.NDArray[np.int64], point: int) -> bool:
    found = False
    for other in points:
        found = found or other == point
    return found


@numba.njit(nogil=True, cache=True)
def _is_bullet(data: Bytes, i: int, end: int, flags: Bytes) -> bool:
    """Whether a run of bullets before a blank begins at byte i."""
    while i < end and _is_in(_BULLET_POINTS, int(data[i])):
        i += 1
    return bool(flags[_point(data, i, end)] & BLANK)


@numba.njit(nogil=True, cache=True)
def _joined(data: Bytes, i: int, end: int, classes: Bytes, flags: Bytes) -> bool:
    """Whether a letter of a word stands at byte i, or on the next line."""
    lines = 0
    while i < end and data[i] <= 32:
        lines += data[i] == 10
        if lines != 1:
            return False
        i += 1
    point = _point(data, i, end)
    return classes[point] == WORD and not flags[point] & NUMERIC


@numba.njit(nogil=True, cache=True)
def _finished(h: np.uint64, signs: np.uint64) -> np.uint64:
    """Return the hash of a word with its signs."""
    h = (h ^ signs) ^ ((h ^ signs) >> np.uint64(32))
    h *= np.uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> np.uint64(29))


@numba.njit(nogil=True, cache=True)
def _signed_words(
    data: Bytes,
    offsets: Offsets,
    code: Bytes,
    classes: Bytes,
    lower: npt.NDArray[np.int32],
    flags: Bytes,
    kinds: Bytes,
    out: Hashes,
    places: Offsets,
) -> int:
    count = 0
    prime = np.uint64(0x100000001B3)  # FNV-1a, over code points
    sign_prime = np.uint64(0xD6E8FEB86659FD93)  # another multiplier, so that signs are not letters
    basis = np.uint64(0xCBF29CE484222325)
    for row in range(offsets.shape[0] - 1):
        i = offsets[row]
        end = offsets[row + 1]
        h = basis
        signs = np.uint64(0)
        length = 0
        solo = False
        first = True  # nothing but blanks so far in this line
        before = 10
        while i < end:
            point, size = decode(data, i)
            kind = classes[point]
            at = i
            i += size
            if length > 0 and (kind in (SEPARATOR, SOLO) or (solo and kind != MARK)):
                hyphen = not solo and not code[row] and _is_in(_HYPHEN_POINTS, point)
                if hyphen and not flags[before] & NUMERIC and _joined(data, i, end, classes, flags):
                    while i < end and data[i] <= 32:
                        i += 1
                    before = point
                    continue
                out[count] = _finished(h, signs)
                count += 1
                h = basis
                signs = np.uint64(0)
                length = 0
                solo = False
            if kind == SEPARATOR:
                sign = kinds[point]
                counts = sign != NONE
                if counts and code[row] == 0:
                    after = _point(data, i, end)
                    if first and _is_in(_BULLET_POINTS, point) and _is_bullet(data, at, end, flags):
                        while i < end and _is_in(_BULLET_POINTS, int(data[i])):
                            i += 1
                        counts = False
                    elif sign == ALWAYS:
                        if point < 0x80 and after == point:
                            run = i
                            while run < end and data[run] == point:
                                run += 1
                            if run - at >= 4:
                                i = run
                                counts = False
                        elif point == _BAR and before != point:
                            counts = not (flags[before] & BLANK or flags[after] & BLANK)
                    else:
                        inner = flags[before] & NUMERIC and flags[after] & NUMERIC
                        free = classes[before] == SEPARATOR and not (point == _DOT and before == _DOT)
                        leads = (classes[after] in (WORD, SOLO) and free) or (kinds[after] == ALWAYS and after < 0x80)
                        counts = (sign == BEFORE and leads) or (sign != CODE and inner != 0)
                if counts:
                    signs = (signs ^ np.uint64(point)) * sign_prime + np.uint64(1)
            elif kind != MARK or length > 0:
                if kind == SOLO:
                    solo = True
                h = (h ^ np.uint64(lower[point])) * prime
                length += 1
            first = point == 10 or (first and flags[point] & BLANK != 0)
            before = point
        if length > 0:
            out[count] = _finished(h, signs)
            count += 1
        elif signs != 0:
            out[count] = _finished(basis, signs)
            count += 1
        places[row + 1] = count
    return count
