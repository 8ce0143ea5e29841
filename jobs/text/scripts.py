"""Letters of each script (Unicode's script property, ISO 15924 codes), counted over the text's beginning.

Hiragana and Katakana count as Jpan, Hangul as Kore: with Han they are one script each. A letter that Unicode counts to
no single script ("Common") counts to the one script that it says uses it, such as the prolonged sound mark of kana,
and to none otherwise, such as mathematical letters.
"""

from __future__ import annotations

import bisect
import functools

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from fontTools.unicodedata import ScriptExtensions, Scripts

from jobs.text.characters import ALPHABETIC, CODE_POINTS, Bytes, Offsets, character_flags, decode, text_buffers

# Han characters that only one of the two orthographies writes, of the commonest, which distinguish Hans from Hant.
_SIMPLIFIED = "这们国来时会个为说过对发经现还么样没问应开机关无实动长业东电从万书见车马鱼学习头点数据户华语"
_TRADITIONAL = "這們國來時會個為說過對發經現還麼樣沒問應開機關無實動長業東電從萬書見車馬魚學習頭點數據戶華語"

_JOINT = {"Hira": "Jpan", "Kana": "Jpan", "Hrkt": "Jpan", "Hang": "Kore"}


def _scripts_of(point: int) -> str:
    script: str = Scripts.VALUES[bisect.bisect_right(Scripts.RANGES, point) - 1]
    if script in {"Zyyy", "Zinh"}:
        place = bisect.bisect_right(ScriptExtensions.RANGES, point) - 1
        used = {_JOINT.get(name, name) for name in ScriptExtensions.VALUES[place] or ()}
        script = used.pop() if len(used) == 1 else "Zyyy"
    return _JOINT.get(script, script)


# Those that stand beside letters of any script in the same sentence; the last ones, and Latin is 1.
_EAST = ("Kore", "Bopo", "Yiii", "Jpan", "Hani", "Hans", "Hant")
_OTHERS = {_JOINT.get(name, name) for name in Scripts.VALUES} - {"Zyyy", "Zinh", "Zzzz", "Latn", *_EAST}
NAMES = ("Zzzz", "Latn", *sorted(_OTHERS), *_EAST)
HANS, HANT = len(NAMES) - 2, len(NAMES) - 1


@functools.cache
def script_numbers() -> Bytes:
    """Return uint8 [code points]: index into NAMES of each letter's script, 255 for what is no letter."""
    table = np.full(CODE_POINTS, 255, np.uint8)
    number = {name: place for place, name in enumerate(NAMES)}
    letters = (character_flags() & ALPHABETIC) != 0
    for first, last, script in zip(Scripts.RANGES, [*Scripts.RANGES[1:], CODE_POINTS], Scripts.VALUES, strict=True):
        if script in {"Zyyy", "Zinh"}:
            for point in np.flatnonzero(letters[first:last]) + first:
                table[point] = number.get(_scripts_of(int(point)), 255)
        elif script != "Zzzz":
            part = table[first:last]
            part[letters[first:last]] = number[_JOINT.get(script, script)]
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
