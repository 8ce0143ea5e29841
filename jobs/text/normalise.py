"""Normalise text in one pass: line ends, invisible characters, escape sequences, blanks at line ends; code hardly."""
# ruff: noqa: PLR0913, PLR0917, PLR0912, PLR0915, C901 - one loop over characters, in flat arrays

from __future__ import annotations

import functools
import unicodedata

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import BLANK, CODE_POINTS, Bytes, Offsets, as_text, character_flags, decode, text_buffers

# What becomes of a character.
COPY, DROP, LINE, SPACE, JOINER, ESCAPE, BACKSPACE, RETURN, TAG = range(9)

# Columns of the findings.
CHARS = 0  # characters read
REPLACEMENTS = 1  # U+FFFD: bytes that could not be decoded
CONTROLS = 2  # ASCII control characters that have no place in text (the later ones come of wrong decoding)
INVISIBLE = 3  # characters without a glyph that were removed
MAY_COMPOSE = 4  # characters that normalisation form C may change
WIDTH = 5

# Tag characters spell the region of a flag behind U+1F3F4 or another emoji.
_TAGS = (0xE0020, 0xE007F)
_EMOJI = (0x1F000, 0x1FAFF)

# Scripts in which zero-width joiners, non-joiners and spaces change how a word is written or where it may break.
_JOINING = (
    (0x600, 0x7FF), (0x840, 0x86F), (0x8A0, 0xDFF), (0xE00, 0x109F), (0x1780, 0x18AF), (0x1950, 0x1AAF),
    (0x1B00, 0x1C4F), (0xA840, 0xA87F), (0xA8E0, 0xAAFF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC), (0x10A00, 0x11FFF),
    (0x2600, 0x27BF), (0xFE0F, 0xFE0F), (0x1F000, 0x1FAFF),
)  # fmt: skip


def normalise(text: pa.Array, *, most_blank_lines: int = 1) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Normalise each text.

    Line ends become one newline; blanks at line ends, blank lines at both ends and those beyond
    `most_blank_lines` in a row go, as do byte-order marks, soft hyphens, directional marks, control characters and
    terminal escape sequences; an overstruck character (``x BACKSPACE x``) is written once. Spaces of other widths
    become a space. Zero-width joiners, non-joiners and spaces stay beside letters of scripts that need them and
    emoji, tag characters in the flags that they spell, variation selectors everywhere.

    Args:
        text: string or large_string [n].
        most_blank_lines: Blank lines in a row that are kept.

    Returns:
        large_string [n], not yet in normalisation form C, and the findings int64 [n, WIDTH] named above.
    """
    data, offsets = text_buffers(text)
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    places = np.zeros(len(offsets), np.int64)
    findings = np.zeros((len(text), WIDTH), np.int64)
    actions, joining, composing = _tables()
    total = _normalise(
        data, offsets, actions, joining, composing, character_flags(), most_blank_lines, out, places, findings
    )
    return as_text(out[:total], places), findings


def normalise_code(text: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Give each program code one kind of line end (U+000A) and no byte-order mark at its beginning.

    Nothing else can be changed without reading it: any character may stand in a literal.

    Args:
        text: string or large_string [n].

    Returns:
        large_string [n], and the findings int64 [n, WIDTH] named above.
    """
    data, offsets = text_buffers(text)
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    places = np.zeros(len(offsets), np.int64)
    findings = np.zeros((len(text), WIDTH), np.int64)
    total = _normalise_code(data, offsets, out, places, findings)
    return as_text(out[:total], places), findings


@functools.cache
def _tables() -> tuple[Bytes, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Actions, whether a joiner may stand beside it, and whether form C may change it."""
    actions = np.zeros(CODE_POINTS, np.uint8)
    actions[0x00:0x20] = DROP
    actions[0x7F:0xA0] = DROP
    for first, last in ((0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069), (0x206A, 0x206F), (0xFDD0, 0xFDEF)):
        actions[first : last + 1] = DROP
    # Arabic letter mark, byte-order mark, object replacement, non-characters, the language tag.
    for point in (0x61C, 0xAD, 0xFEFF, 0xFFFC, 0xFFFE, 0xFFFF, *range(0xE0000, 0xE0020)):
        actions[point] = DROP
    actions[_TAGS[0] : _TAGS[1] + 1] = TAG
    for point in (0x0A, 0x85, 0x2028, 0x2029):
        actions[point] = LINE
    actions[[0x200B, 0x200C, 0x200D, 0x2060]] = JOINER
    actions[0x1B], actions[0x08], actions[0x0D], actions[0x09] = ESCAPE, BACKSPACE, RETURN, COPY
    actions[[0x0B, 0x0C]] = LINE
    actions[[0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F]] = SPACE
    joining = np.zeros(CODE_POINTS, np.bool_)
    for first, last in _JOINING:
        joining[first : last + 1] = True
    composing = np.zeros(CODE_POINTS, np.bool_)
    for point in range(0x300, 0x2FA20):
        character = chr(point)
        composing[point] = unicodedata.category(character)[0] == "M" or (
            not 0x3400 <= point < 0xA000 and unicodedata.normalize("NFC", character) != character
        )
    composing[0x1160:0x1200] = True
    return actions, joining, composing


@numba.njit(nogil=True, cache=True)
def _line_end(data: Bytes, i: int, end: int) -> int:
    """Return the last byte of the line end that begins with the carriage return at i: CR, CR LF, CR CR LF."""
    k = i
    while k + 1 < end and data[k + 1] == 13:
        k += 1
    return k + 1 if k + 1 < end and data[k + 1] == 10 else i


@numba.njit(nogil=True, cache=True)
def _escape(data: Bytes, i: int, end: int) -> int:
    """Return the length of the escape sequence (ECMA-48) at i; 1 where none follows the escape."""
    if i + 1 >= end:
        return 1
    kind = data[i + 1]
    k = i + 2
    if kind == 91:  # CSI: parameters, intermediate bytes, a final byte
        while k < end and 0x20 <= data[k] < 0x40:
            k += 1
        # What should end the sequence is left alone where it is no such byte.
        return k - i + int(k < end and 0x40 <= data[k] < 0x7F)
    if kind in (93, 80, 88, 94, 95):  # OSC, DCS, SOS, PM, APC: a string up to BEL or ST
        while k < end and data[k] != 10 and data[k] != 7 and data[k] != 27:
            k += 1
        if k < end and data[k] == 7:
            return k + 1 - i
        if k + 1 < end and data[k] == 27 and data[k + 1] == 92:
            return k + 2 - i
        return 2
    k = i + 1
    while k < end and 0x20 <= data[k] < 0x30:  # intermediate bytes: ESC ( B
        k += 1
    return k + 1 - i if k < end and 0x30 <= data[k] < 0x7F else 1


@numba.njit(nogil=True, cache=True)
def _normalise(
    data: Bytes,
    offsets: Offsets,
    actions: Bytes,
    joining: npt.NDArray[np.bool_],
    composing: npt.NDArray[np.bool_],
    flags: Bytes,
    most_blank: int,
    out: Bytes,
    places: Offsets,
    findings: npt.NDArray[np.int64],
) -> int:
    n = 0
    for row in range(offsets.shape[0] - 1):
        i = offsets[row]
        end = offsets[row + 1]
        start = n
        line = n  # where the line began in the output
        solid = n  # after its last character that is not blank
        blank = 0
        before = np.int64(0)
        while i < end:
            point, size = decode(data, i)
            action = actions[point]
            findings[row, CHARS] += 1
            if point >= 0x80:
                findings[row, MAY_COMPOSE] += composing[point]
                findings[row, REPLACEMENTS] += point == 0xFFFD
            if action == JOINER:
                after = np.int64(0)
                if i + size < end:
                    after, _ = decode(data, i + size)
                action = COPY if joining[before] or joining[after] else DROP
            elif action == TAG:
                follows = _EMOJI[0] <= before <= _EMOJI[1] or _TAGS[0] <= before <= _TAGS[1]
                action = COPY if follows else DROP
            if action == COPY:
                for k in range(size):
                    out[n + k] = data[i + k]
                n += size
                if not flags[point] & BLANK:
                    solid = n
            elif action == SPACE:
                out[n] = 32
                n += 1
            elif action in (LINE, RETURN):
                if solid > line:
                    n = solid
                    out[n] = 10
                    n += 1
                    blank = 0
                else:
                    n = line
                    if line > start and blank < most_blank:
                        out[n] = 10
                        n += 1
                        blank += 1
                line = n
                solid = n
                if action == RETURN:
                    i = _line_end(data, i, end)
            elif action == BACKSPACE:
                if n > line:
                    n -= 1
                    while n > line and (out[n] & 0xC0) == 0x80:
                        n -= 1
                    solid = min(solid, n)
                    while solid > line and (out[solid - 1] == 32 or out[solid - 1] == 9):
                        solid -= 1
            elif action == ESCAPE:
                size = _escape(data, i, end)
            elif point < 0x20:
                findings[row, CONTROLS] += 1
            elif point >= 0xA0:
                findings[row, INVISIBLE] += 1
            if action != DROP:
                before = point
            i += size
        n = max(line, solid)
        while n > start and out[n - 1] == 10:
            n -= 1
        places[row + 1] = n
    return n


@numba.njit(nogil=True, cache=True)
def _normalise_code(data: Bytes, offsets: Offsets, out: Bytes, places: Offsets, findings: npt.NDArray[np.int64]) -> int:
    n = 0
    for row in range(offsets.shape[0] - 1):
        i = offsets[row]
        end = offsets[row + 1]
        if end - i >= 3 and data[i] == 0xEF and data[i + 1] == 0xBB and data[i + 2] == 0xBF:
            i += 3
        while i < end:
            byte = data[i]
            findings[row, CHARS] += (byte & 0xC0) != 0x80
            if byte == 13:
                i = _line_end(data, i, end)
                byte = np.uint8(10)
            elif byte < 0x20 and byte not in (8, 9, 10, 11, 12, 27):
                findings[row, CONTROLS] += 1
            elif byte == 0xEF and data[i + 1] == 0xBF and data[i + 2] == 0xBD:
                findings[row, REPLACEMENTS] += 1
            out[n] = byte
            n += 1
            i += 1
        places[row + 1] = n
    return n
