"""Normalise text in one pass: line ends, invisible characters, escape sequences, blanks at line ends."""
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
COPY, DROP, LINE, SPACE, JOINER, ESCAPE, BACKSPACE, RETURN = range(8)

# Columns of the findings.
CHARS = 0  # characters read
REPLACEMENTS = 1  # U+FFFD: bytes that could not be decoded
CONTROLS = 2  # ASCII control characters that have no place in text (the later ones come of wrong decoding)
NOT_ASCII = 3  # characters beyond ASCII
MISREAD = 4  # characters that form UTF-8 sequences if taken for the bytes of Windows-1252
SEQUENCES = 5  # such sequences
MAY_COMPOSE = 6  # characters that normalisation form C may change
WIDTH = 7

# U+0080 to U+009F as Windows-1252 shows them.
CP1252 = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ"  # noqa: RUF001 - the characters as they stand

# Scripts in which zero-width joiners, non-joiners and spaces change how a word is written or where it may break.
_JOINING = (
    (0x600, 0x7FF), (0x840, 0x86F), (0x8A0, 0xDFF), (0xE00, 0x109F), (0x1780, 0x18AF), (0x1950, 0x1AAF),
    (0x1B00, 0x1C4F), (0xA840, 0xA87F), (0xA8E0, 0xAAFF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC), (0x10A00, 0x11FFF),
    (0x2600, 0x27BF), (0xFE0F, 0xFE0F), (0x1F000, 0x1FAFF),
)  # fmt: skip


def normalise(
    text: pa.Array, *, code: bool = False, most_blank_lines: int = 1
) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Normalise each text.

    Line ends become one newline; blanks at line ends, blank lines at both ends and those beyond
    `most_blank_lines` in a row go, as do byte-order marks, soft hyphens, directional marks, control characters and
    terminal escape sequences; an overstruck character (``x BACKSPACE x``) is written once. Spaces of other widths
    become a space. Zero-width joiners, non-joiners and spaces stay after letters of scripts that need them and
    after emoji. Code keeps its spaces and loses form feeds.

    Args:
        text: string or large_string [n].
        code: Whether it is program code.
        most_blank_lines: Blank lines in a row that are kept.

    Returns:
        large_string [n], not yet in normalisation form C, and the findings int64 [n, WIDTH] named above.
    """
    data, offsets = text_buffers(text)
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    places = np.zeros(len(offsets), np.int64)
    findings = np.zeros((len(text), WIDTH), np.int64)
    actions, joining, composing, byte = _tables(code)
    total = _normalise(
        data, offsets, actions, joining, composing, byte, character_flags(), most_blank_lines, out, places, findings
    )
    return as_text(out[:total], places), findings


@functools.cache
def _tables(code: bool) -> tuple[Bytes, npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.int16]]:
    """Actions, whether a joiner may follow, whether form C may change it, and its Windows-1252 byte or -1."""
    actions = np.zeros(CODE_POINTS, np.uint8)
    actions[0x00:0x20] = DROP
    actions[0x7F:0xA0] = DROP
    for first, last in ((0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069), (0x206A, 0x206F), (0xFDD0, 0xFDEF)):
        actions[first : last + 1] = DROP
    # Arabic letter mark, byte-order mark, object replacement, non-characters, language tags.
    for point in (0x61C, 0xAD, 0xFEFF, 0xFFFC, 0xFFFE, 0xFFFF, *range(0xE0000, 0xE0080)):
        actions[point] = DROP
    for point in (0x0A, 0x85, 0x2028, 0x2029):
        actions[point] = LINE
    actions[[0x200B, 0x200C, 0x200D, 0x2060]] = JOINER
    actions[0x1B], actions[0x08], actions[0x0D], actions[0x09] = ESCAPE, BACKSPACE, RETURN, COPY
    if not code:
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
    byte = np.full(CODE_POINTS, -1, np.int16)
    byte[:256] = np.arange(256)
    for number, character in enumerate(CP1252):
        byte[ord(character)] = 0x80 + number
    return actions, joining, composing, byte


@numba.njit(nogil=True, cache=True)
def _normalise(
    data: Bytes,
    offsets: Offsets,
    actions: Bytes,
    joining: npt.NDArray[np.bool_],
    composing: npt.NDArray[np.bool_],
    byte: npt.NDArray[np.int16],
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
        left = 0  # continuation bytes that a misread sequence still lacks
        taken = 0
        while i < end:
            point, size = decode(data, i)
            action = actions[point]
            findings[row, CHARS] += 1
            if point >= 0x80:
                findings[row, NOT_ASCII] += 1
                findings[row, MAY_COMPOSE] += composing[point]
                if point == 0xFFFD:
                    findings[row, REPLACEMENTS] += 1
                b = byte[point]
                if left > 0 and 0x80 <= b < 0xC0:
                    left -= 1
                    taken += 1
                    if left == 0:
                        findings[row, SEQUENCES] += 1
                        findings[row, MISREAD] += taken
                elif 0xC2 <= b < 0xF5:
                    left = 1 if b < 0xE0 else (2 if b < 0xF0 else 3)
                    taken = 1
                else:
                    left = 0
            else:
                left = 0
            if action == COPY or (action == JOINER and joining[before]):
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
                if action == RETURN and i + 1 < end and data[i + 1] == 10:
                    i += 1
            elif action == BACKSPACE:
                if n > line:
                    n -= 1
                    while n > line and (out[n] & 0xC0) == 0x80:
                        n -= 1
                    solid = min(solid, n)
                    while solid > line and (out[solid - 1] == 32 or out[solid - 1] == 9):
                        solid -= 1
            elif action == ESCAPE:
                # ECMA-48: ESC [ parameters, up to a byte from @ to ~.
                if i + 1 < end and data[i + 1] == 91:
                    i += 2
                    while i < end and 0x20 <= data[i] < 0x40:
                        i += 1
                    # What should end the sequence is left alone where it is no such byte.
                    size = 1 if i < end and 0x40 <= data[i] < 0x7F else 0
            elif point < 0x20:
                findings[row, CONTROLS] += point != 12  # form feeds are pages
            if action != DROP:
                before = point
            i += size
        n = max(line, solid)
        while n > start and out[n - 1] == 10:
            n -= 1
        places[row + 1] = n
    return n
