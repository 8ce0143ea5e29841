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
from fontTools.unicodedata import Scripts

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

CODE_POINTS = sys.maxunicode + 1

# Word classes (`word_classes`): what ends a word, what joins its neighbours, what is a word by itself, what joins the
# word before it, what also joins the letter after it to that, what begins a word that the next letter goes on with,
# and what ends a word though it is no blank.
SEPARATOR, WORD, SOLO, MARK, STACKER, LEAD, ENDER = 0, 1, 2, 3, 4, 5, 6

# States of the rule of words (`word_step`): no word, a run of letters, a letter by itself, and one that goes on.
OUT, RUN, UNIT, OPEN = 0, 1, 2, 3

# Character flags (`character_flags`).
ALPHABETIC, NUMERIC, BLANK, TERMINAL, QUOTE, BULLET = 1, 2, 4, 8, 16, 32

# Scripts written without spaces between words: Han and kana; those whose lines Unicode breaks by dictionary
# (Line_Break=SA) or by syllable (AK, AS) as they have no spaces, of the living ones; Yi. Hangul and Bopomofo have them.
_WITHOUT_SPACES = {
    "Hani", "Hira", "Kana", "Thai", "Laoo", "Mymr", "Khmr", "Tale", "Talu", "Lana", "Tavt", "Ahom", "Java", "Bali",
    "Yiii", "Tang", "Nshu",
}  # fmt: skip

# Indic_Syllabic_Category=Invisible_Stacker, of these scripts: the next consonant is written below.
_STACKERS = (0x1039, 0x17D2, 0x1A60, 0xA9C0, 0x1B44, 0xAAF6)

# Logical_Order_Exception: vowels that are written before the consonant after which they are spoken.
_LEADS = ((0xE40, 0xE44), (0xEC0, 0xEC4), (0x19B5, 0x19B7), (0x19BA, 0x19BA), (0xAAB5, 0xAAB6), (0xAAB9, 0xAAB9),
          (0xAABB, 0xAABC))  # fmt: skip

# Marks between words or syllables that are no blanks: the Tibetan tshegs, Ethiopic and Runic word separators,
# zero width space (by which Khmer, Thai and Burmese may state their words), word dividers of ancient scripts.
_ENDERS = (0xF0B, 0xF0C, 0x1361, 0x16EB, 0x16EC, 0x16ED, 0x200B, 0x1039F, 0x103D0, 0x1091F, 0x12470)

# Unicode's Sentence_Terminal of living scripts, the ellipsis, and the Tibetan shads.
_TERMINAL = (
    ".!?…։؝؞؟۔܀܁܂߹।॥၊။።፧፨᙮។៕᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿‼‽⁇⁈⁉⸮。꓿꘎꘏꛳꛷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？｡།༎"
    "\U00011141\U00011142\U00011143\U000111c5\U000111cd"
)
_QUOTES = "\"'”’»」』）)】›"
_BULLETS = "-*•‣⁃▪▫●○◦■□◆◇▶►–—·"


def _assigned() -> Iterable[int]:
    """Code points that may have a class: all planes that Unicode assigns letters in."""
    yield from range(0x33480)
    yield from range(0xE0100, 0xE01F0)


@functools.cache
def word_classes() -> Bytes:
    """Return uint8 [code points], the word class of each character.

    Letters and digits make words; combining marks and joiners (UAX #29, rule WB4: Extend and Format) go on with the
    word before them. In scripts without spaces a letter with its marks is a word of its own, vowels written before
    it and consonants stacked below it included: that counts syllables and finals, not words, and is the same for all.
    """
    table = np.zeros(CODE_POINTS, np.uint8)
    category = unicodedata.category
    for point in _assigned():
        kind = category(chr(point))
        if kind[0] in "LN":
            table[point] = WORD
        elif kind[0] == "M" or kind == "Cf":
            table[point] = MARK
    for first, last, script in zip(Scripts.RANGES, [*Scripts.RANGES[1:], CODE_POINTS], Scripts.VALUES, strict=True):
        if script in _WITHOUT_SPACES:
            part = table[first:last]
            part[part == WORD] = SOLO
    # Digits of these scripts make numbers; the marks of repetition and length are Unicode's "common".
    for point in range(0xE50, 0x1A9A):
        if table[point] == SOLO and category(chr(point)) == "Nd":
            table[point] = WORD
    table[[0x3005, 0x3006, 0x3007, 0x30FC, 0xFF70]] = SOLO
    table[list(_STACKERS)] = STACKER
    for first, last in _LEADS:
        table[first : last + 1] = LEAD
    table[list(_ENDERS)] = ENDER
    table[ord("_")] = WORD
    return table


@numba.njit(inline="always")
def word_step(kind: int, state: int) -> tuple[int, bool]:
    """Return the state behind a character of a word class, and whether a word begins with it."""
    if kind == WORD:
        return RUN, state != RUN
    if kind == SOLO:
        return UNIT, state != OPEN
    if kind == LEAD:
        return OPEN, True
    if kind == STACKER and state == UNIT:
        return OPEN, False
    if kind in (MARK, STACKER):
        return state, False
    return OUT, False


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
    """Return uint8 [code points] of ALPHABETIC, NUMERIC, BLANK, TERMINAL, QUOTE and BULLET."""
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
        return np.frombuffer(b"", np.uint8), np.zeros(len(text) + 1, np.int64)
    kind: Any = np.int64 if wide else np.int32
    offsets = np.frombuffer(places, kind)[text.offset : text.offset + len(text) + 1].astype(np.int64)
    content = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    # Some buffers of Arrow could be written to, others not: kernels are compiled for one kind.
    content.flags.writeable = False
    return content, offsets


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
