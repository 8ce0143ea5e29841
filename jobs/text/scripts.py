"""Letters of each script (Unicode blocks, ISO 15924 codes), counted over the text's beginning."""

from __future__ import annotations

import functools

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import ALPHABETIC, CODE_POINTS, Bytes, Offsets, character_flags, decode, text_buffers

# Blocks of the scripts that are distinguished; letters elsewhere count as "Zzzz".
_BLOCKS: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = (
    ("Zzzz", ()),
    ("Latn", ((0x41, 0x24F), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF), (0xFF21, 0xFF5A))),
    ("Grek", ((0x370, 0x3FF), (0x1F00, 0x1FFF))),
    ("Cyrl", ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F))),
    ("Armn", ((0x530, 0x58F),)),
    ("Hebr", ((0x590, 0x5FF), (0xFB1D, 0xFB4F))),
    ("Arab", ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC))),
    ("Syrc", ((0x700, 0x74F),)),
    ("Thaa", ((0x780, 0x7BF),)),
    ("Nkoo", ((0x7C0, 0x7FF),)),
    ("Deva", ((0x900, 0x97F), (0xA8E0, 0xA8FF))),
    ("Beng", ((0x980, 0x9FF),)),
    ("Guru", ((0xA00, 0xA7F),)),
    ("Gujr", ((0xA80, 0xAFF),)),
    ("Orya", ((0xB00, 0xB7F),)),
    ("Taml", ((0xB80, 0xBFF),)),
    ("Telu", ((0xC00, 0xC7F),)),
    ("Knda", ((0xC80, 0xCFF),)),
    ("Mlym", ((0xD00, 0xD7F),)),
    ("Sinh", ((0xD80, 0xDFF),)),
    ("Thai", ((0xE00, 0xE7F),)),
    ("Laoo", ((0xE80, 0xEFF),)),
    ("Tibt", ((0xF00, 0xFFF),)),
    ("Mymr", ((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F))),
    ("Geor", ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F))),
    ("Hang", ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF))),
    ("Ethi", ((0x1200, 0x139F), (0x2D80, 0x2DDF))),
    ("Cher", ((0x13A0, 0x13FF), (0xAB70, 0xABBF))),
    ("Cans", ((0x1400, 0x167F), (0x18B0, 0x18FF))),
    ("Khmr", ((0x1780, 0x17FF),)),
    ("Mong", ((0x1800, 0x18AF),)),
    ("Olck", ((0x1C50, 0x1C7F),)),
    ("Tfng", ((0x2D30, 0x2D7F),)),
    ("Jpan", ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1B000, 0x1B16F))),
    ("Bopo", ((0x3100, 0x312F), (0x31A0, 0x31BF))),
    ("Hani", ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))),
    ("Yiii", ((0xA000, 0xA4CF),)),
)

# Han characters that only one of the two orthographies writes, of the commonest, which distinguish Hans from Hant.
_SIMPLIFIED = "这们国来时会个为说过对发经现还么样没问应开机关无实动长业东电从万书见车马鱼学习头点数据户华语"
_TRADITIONAL = "這們國來時會個為說過對發經現還麼樣沒問應開機關無實動長業東電從萬書見車馬魚學習頭點數據戶華語"

NAMES = (*(name for name, _ in _BLOCKS), "Hans", "Hant")
HANS, HANT = len(NAMES) - 2, len(NAMES) - 1


@functools.cache
def script_numbers() -> Bytes:
    """Return uint8 [code points]: index into NAMES of each letter's script, 255 for what is no letter."""
    table = np.full(CODE_POINTS, 255, np.uint8)
    letters = (character_flags() & ALPHABETIC) != 0
    table[letters] = 0
    for number, (_, ranges) in enumerate(_BLOCKS):
        for first, last in ranges:
            part = table[first : last + 1]
            part[letters[first : last + 1]] = number
    for simple, full in zip(_SIMPLIFIED, _TRADITIONAL, strict=True):
        if simple != full:
            table[ord(simple)] = HANS
            table[ord(full)] = HANT
    return table


def script_counts(text: pa.Array, limit: int) -> npt.NDArray[np.int64]:
    """Return int64 [n, len(NAMES)], the letters of each script among the first `limit` bytes of each text.

    Args:
        text: string or large_string [n].
        limit: Bytes to look at.
    """
    data, offsets = text_buffers(text)
    out = np.zeros((len(text), len(NAMES)), np.int64)
    _count(data, offsets, limit, script_numbers(), out)
    return out


@numba.njit(nogil=True, cache=True)
def _count(data: Bytes, offsets: Offsets, limit: int, numbers: Bytes, out: npt.NDArray[np.int64]) -> None:
    for row in range(offsets.shape[0] - 1):
        i = offsets[row]
        end = min(offsets[row + 1], i + limit)
        stop = offsets[row + 1]
        # A character that the limit cuts is read whole: the text goes on behind it.
        while i < end and i < stop:
            point, size = decode(data, i)
            i += size
            number = numbers[point]
            if number != 255:
                out[row, number] += 1
