"""Unicode properties of each character, as tables that kernels index by code point, and text as buffers."""

# ruff: noqa: RUF001 - the characters are meant as they stand
from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

CODE_POINTS = sys.maxunicode + 1

# Word classes (`word_classes`).
SEPARATOR, WORD, SOLO, MARK = 0, 1, 2, 3

# Character flags (`character_flags`).
ALPHABETIC, NUMERIC, BLANK, TERMINAL, QUOTE, BULLET, SELF = 1, 2, 4, 8, 16, 32, 64

# Scripts written without spaces between words: each letter is a word of its own. Han and its iteration marks,
# kana, Bopomofo left out (it has spaces in running text), Thai, Lao, Myanmar, Khmer, Yi.
_SOLO_RANGES = (
    (0x3005, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F), (0x1B000, 0x1B16F), (0x20000, 0x323AF), (0x0E00, 0x0E7F), (0x0E80, 0x0EFF), (0x1000, 0x109F),
    (0x1780, 0x17FF), (0xA000, 0xA48F),
)  # fmt: skip

# Unicode Sentence_Terminal, the common ones of living scripts.
_TERMINAL = ".!?…։؟۔܀।॥။၊።፧៕。！？｡．‼⁇⁈⁉"
_QUOTES = "\"'”’»」』）)】›"
_BULLETS = "-*•‣⁃▪▫●○◦■□◆◇▶►–—·"


def _assigned() -> Iterable[int]:
    """Code points that may have a class: all planes that Unicode assigns letters in."""
    yield from range(0x33480)
    yield from range(0xE0100, 0xE01F0)


@functools.cache
def word_classes() -> Bytes:
    """Return uint8 [code points]: SEPARATOR, WORD (joins its neighbours), SOLO (a word by itself), MARK (joins)."""
    table = np.zeros(CODE_POINTS, np.uint8)
    category = unicodedata.category
    for point in _assigned():
        kind = category(chr(point))[0]
        if kind in "LN":
            table[point] = WORD
        elif kind == "M":
            table[point] = MARK
    for first, last in _SOLO_RANGES:
        part = table[first : last + 1]
        part[part == WORD] = SOLO
    table[ord("_")] = WORD
    return table


@functools.cache
def lower_cases() -> npt.NDArray[np.int32]:
    """Return int32 [code points]: the lower case where it is one character, else the character."""
    table = np.arange(CODE_POINTS, dtype=np.int32)
    for point in range(0x1E944):
        lower = chr(point).lower()
        if len(lower) == 1:
            table[point] = ord(lower)
    return table


@functools.cache
def character_flags() -> Bytes:
    """Return uint8 [code points] of ALPHABETIC, NUMERIC, BLANK, TERMINAL, QUOTE, BULLET and SELF (a solo letter)."""
    table = np.zeros(CODE_POINTS, np.uint8)
    category = unicodedata.category
    for point in _assigned():
        kind = category(chr(point))[0]
        if kind == "L":
            table[point] = ALPHABETIC
        elif kind == "N":
            table[point] = NUMERIC
        elif kind == "Z" or point in (9, 10, 11, 12, 13, 0x85):
            table[point] = BLANK
    for text, flag in ((_TERMINAL, TERMINAL), (_QUOTES, QUOTE), (_BULLETS, BULLET)):
        for character in text:
            table[ord(character)] |= flag
    table[word_classes() == SOLO] |= SELF
    return table


def text_buffers(text: pa.Array) -> tuple[Bytes, Offsets]:
    """Return the bytes of a text column and the offset of each row in them, without copying the text.

    Args:
        text: string, large_string, binary or large_binary [n]; a null row counts as empty.

    Returns:
        uint8 [all bytes] and int64 [n + 1]: row i is ``data[offsets[i]:offsets[i + 1]]``.
    """
    if text.null_count:
        text = text.fill_null("" if pa.types.is_string(text.type) or pa.types.is_large_string(text.type) else b"")
    wide = pa.types.is_large_string(text.type) or pa.types.is_large_binary(text.type)
    _, places, data = text.buffers()
    if not len(text) or places is None:
        return np.zeros(0, np.uint8), np.zeros(len(text) + 1, np.int64)
    kind: Any = np.int64 if wide else np.int32
    offsets = np.frombuffer(places, kind)[text.offset : text.offset + len(text) + 1].astype(np.int64)
    return (np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)), offsets


def as_text(data: Bytes, offsets: Offsets) -> pa.Array:
    """Return large_string [n] over the given bytes and offsets; the bytes must be UTF-8."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets, np.int64)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)


@numba.njit(inline="always")
def decode(data: Bytes, i: int) -> tuple[int, int]:
    """Return the code point that begins at byte i of valid UTF-8, and its length in bytes."""
    c = np.int64(data[i])
    if c < 0x80:
        return c, 1
    if c < 0xE0:
        return ((c & 0x1F) << 6) | (np.int64(data[i + 1]) & 0x3F), 2
    if c < 0xF0:
        return ((c & 0x0F) << 12) | ((np.int64(data[i + 1]) & 0x3F) << 6) | (np.int64(data[i + 2]) & 0x3F), 3
    return (
        ((c & 0x07) << 18)
        | ((np.int64(data[i + 1]) & 0x3F) << 12)
        | ((np.int64(data[i + 2]) & 0x3F) << 6)
        | (np.int64(data[i + 3]) & 0x3F)
    ), 4
