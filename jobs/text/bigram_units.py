"""The units of the character model: what it tells apart beside the letters of a language.

Each character is one unit: a letter of the language (in lower case), one of the signs below, or a class. The
least probability of a class orders what wrong decoding brings forth (control characters, private use, boxes,
foreign letters) below what is merely rare.
"""
# ruff: noqa: RUF001 - the characters are meant as they stand

from __future__ import annotations

import functools
import unicodedata

import numpy as np
import numpy.typing as npt

from jobs.text.characters import CODE_POINTS, Bytes

ASCII_SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
SIGNS = (
    "«»“”‘’„‚‹›–—…•·§©®™°±×÷€£¥¢¶†‡¿¡ªº¹²³½¼¾µ¬¦¨´¸¯ˆ˜‰№−→←≤≥≠،؛؟٪ـ।॥、。・「」『』《》〈〉【】（），：；！？～－ー〜"
)
# Classes: the probability that one has at least, and the characters that share it.
CLASSES = {
    "blank": (1e-3, 1),
    "digit": (1e-4, 1),
    "no-break": (1e-3, 2),
    "invisible": (1e-6, 20),
    "sign": (3e-5, 250),
    "box": (3e-6, 60),
    "control": (1e-7, 28),
    "late control": (1e-9, 32),
    "private": (1e-8, 3000),
    "replacement": (1e-5, 40),
    "mark": (1e-5, 150),
    "han": (1e-5, 30_000),
    "hiragana": (3e-6, 85),
    "katakana": (3e-6, 90),
    "narrow katakana": (1e-7, 60),
    "hangul": (3e-6, 5000),
    "latin": (1e-4, 150),
    "letter": (3e-5, 700),
    "unassigned": (1e-9, 3000),
    "other digit": (1e-6, 600),
}
GLOBALS = (*CLASSES, *ASCII_SIGNS, *SIGNS)
FIRST_LETTER = len(GLOBALS)
MOST_LETTERS = 256 - FIRST_LETTER
SIGN_FLOOR = 1e-6
# Signs of running text, which manuals (the text that was counted) use less than other writing.
COMMON_SIGNS = {**dict.fromkeys("«»“”‘’„–—…", 3e-4), **dict.fromkeys("•·§©®™°±×€£¿¡²½µ№", 5e-5)}
CASES = ("none", "lower", "upper", "uncased")

# Characters that stand for letters of a class in languages that do not count them one by one.
EAST_ASIAN = ("han", "hiragana", "katakana", "hangul")


def floors() -> npt.NDArray[np.float64]:
    """Return float64 [256]: the probability that each unit has at least."""
    out = np.full(256, SIGN_FLOOR)
    out[: len(CLASSES)] = [floor for floor, _ in CLASSES.values()]
    for sign, floor in COMMON_SIGNS.items():
        out[GLOBALS.index(sign)] = floor
    return out


def members() -> npt.NDArray[np.float32]:
    """Return float32 [256]: the log probability of one character of each unit."""
    out = np.zeros(256, np.float32)
    out[: len(CLASSES)] = [-np.log(count) for _, count in CLASSES.values()]
    return out


@functools.cache
def unit_table() -> Bytes:
    """Return uint8 [code points]: the unit of each character as long as it is no letter of the language."""
    table = np.full(CODE_POINTS, _class("unassigned"), np.uint8)
    for point in (*range(0x33480), *range(0xE0000, 0xE01F0)):
        table[point] = _class(_name(point))
    table[0xF0000:] = _class("private")
    for number, sign in enumerate(GLOBALS[len(CLASSES) :], len(CLASSES)):
        table[ord(sign)] = number
    return table


@functools.cache
def case_table() -> Bytes:
    """Return uint8 [code points]: place in CASES."""
    table = np.zeros(CODE_POINTS, np.uint8)
    for point in range(0x33480):
        character = chr(point)
        if character.isalpha():
            table[point] = 1 if character.islower() else (2 if character.isupper() or character.istitle() else 3)
    return table


def _class(name: str) -> int:
    return list(CLASSES).index(name)


def _name(point: int) -> str:  # noqa: C901, PLR0911, PLR0912 - one line a class
    if point in (9, 10, 11, 12, 13, 0x20, 0x3000):
        return "blank"
    if point == 0xA0:
        return "no-break"
    if point < 0x20 or point == 0x7F:
        return "control"
    if 0x80 <= point < 0xA0:
        return "late control"
    if point == 0xFFFD:
        return "replacement"
    if 0x2500 <= point < 0x25A0:
        return "box"
    if 0x3041 <= point < 0x30A0:
        return "hiragana"
    if 0x30A0 <= point < 0x3100 or 0x31F0 <= point < 0x3200:
        return "katakana"
    if 0xFF65 <= point < 0xFFA0:
        return "narrow katakana"
    if point == 0x3007:
        return "han"
    character = chr(point)
    category = unicodedata.category(character)
    if category == "Cn":
        return "unassigned"
    if category == "Co":
        return "private"
    if category == "Cf":
        return "invisible"
    if category[0] == "Z":
        return "no-break"
    if category == "Nd":
        return "digit" if point < 0x80 or 0x660 <= point < 0x670 or 0x6F0 <= point < 0x6FA else "other digit"
    if category[0] == "M":
        return "mark"
    if category[0] != "L":
        return "sign"
    if 0x3400 <= point < 0xA000 or 0xF900 <= point < 0xFB00 or point >= 0x20000 or point == 0x3005:
        return "han"
    if 0xAC00 <= point < 0xD7B0 or 0x1100 <= point < 0x1200 or 0x3130 <= point < 0x3190:
        return "hangul"
    if point < 0x250 or 0x1E00 <= point < 0x1F00:
        return "latin"
    return "letter"
