"""What the form of a text says of its mojibake, whatever its language.

In text that was misread, whatever lies beyond ASCII is part of a sequence of UTF-8. In 27 million characters of correct
text in 500 languages no line of three such sequences holds nothing else beyond ASCII. And a letter that begins one
sequence by accident ("JA… SÅ…", "ијј") stands elsewhere in the same text by itself.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

SEQUENCE = re.compile(
    "[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    "|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_INSIDE = re.compile(f"(?:{SEQUENCE.pattern})(?=[A-Za-z\xc2-\xf4])")
_BEYOND = re.compile("[^\x00-\x7f]+")
# A leading byte by itself. One before a byte that goes on is the rest of a sequence of which something was lost.
_ALONE = re.compile("([\xc2-\xf4])(?![\x80-\xbf])")
_LEAD = re.compile("[\xc2-\xf4]")
_LOST_SPACE = re.compile("\xc3 ")

# Different last bytes, or sequences with two of them, from which form alone says that text was misread. Capitals before
# signs form sequences of few last bytes, the signs, and these end a word.
_LAST_BYTES = 3
_TWO_LAST_BYTES = 6
_INSIDE_WORDS = 2
# Of the leading bytes of a misread text, the share that stand by themselves at most: bytes get lost on the way.
_ALONE_SHARE = 0.1
# Categories of characters that no text holds.
_NEVER = {"Cc", "Co", "Cn", "Cs"}
# Of small letters and of what is written above a line.
_SMALL = {"Ll", "Lm", "Sk"}


@dataclass(slots=True)
class Structure:
    """Sequences of a text, or of one of its lines, whose characters were taken for the bytes of an encoding.

    Args:
        sequences: How many there are.
        leading: How often each leading byte begins one, as a character up to U+00F4.
        alone: How often each leading byte stands by itself.
        leads: How often each leading byte occurs in all.
        last: The last bytes of the sequences.
        inside: Sequences after which the word goes on.
        rest: Characters beyond ASCII outside of sequences.
        sound: Whether all of them stand for characters that text may hold.
    """

    sequences: int = 0
    leading: Counter[str] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    leads: Counter[str] = field(default_factory=Counter)
    last: set[str] = field(default_factory=set)
    inside: int = 0
    rest: int = 0
    sound: bool = True

    @property
    def is_misread(self) -> bool:
        """Whether form alone says that the text was misread."""
        varied = len(self.last) >= _LAST_BYTES or (len(self.last) == 2 and self.sequences >= _TWO_LAST_BYTES)
        return varied and self.inside >= _INSIDE_WORDS and self.sound

    @property
    def explains_all(self) -> bool:
        """Whether nothing else lies beyond ASCII."""
        return self.rest == 0

    @property
    def leading_bytes_are_letters(self) -> bool:
        """Whether what begins the sequences stands by itself as often as in them, and so is a letter of the text."""
        return any(self.alone[byte] >= count for byte, count in self.leading.items())

    @property
    def few_alone(self) -> bool:
        """Whether what begins the sequences hardly stands by itself."""
        return sum(self.alone[byte] for byte in self.leading) <= _ALONE_SHARE * self.sequences


def structure(mapped: str) -> Structure:
    """Return the structure of a line.

    Args:
        mapped: The line with its characters as bytes, 0x80 to 0xFF as U+0080 to U+00FF; what has no byte is beyond.
    """
    found = SEQUENCE.findall(mapped)
    rest = _LOST_SPACE.sub(" ", SEQUENCE.sub("", mapped)) if found else mapped
    return Structure(
        len(found),
        Counter(sequence[0] for sequence in found),
        Counter(_ALONE.findall(rest)),
        Counter(_LEAD.findall(mapped)),
        {sequence[-1] for sequence in found},
        len(_INSIDE.findall(mapped)),
        sum(map(len, _BEYOND.findall(rest))),
        all(_is_sound(sequence) for sequence in set(found)),
    )


def total(parts: Iterable[Structure]) -> Structure:
    """Return the structure of a text of several lines."""
    out = Structure()
    for part in parts:
        out.sequences += part.sequences
        out.leading.update(part.leading)
        out.alone.update(part.alone)
        out.leads.update(part.leads)
        out.last |= part.last
        out.inside += part.inside
        out.rest += part.rest
        out.sound &= part.sound
    return out


def _is_sound(sequence: str) -> bool:
    return unicodedata.category(sequence.encode("latin-1").decode("utf-8")) not in _NEVER


def is_odd(before: str, character: str, after: str) -> bool:
    """Return whether a repaired character fits the word badly: a small letter after capitals, or of another alphabet.

    Args:
        before: The two characters before it.
        character: The character.
        after: The one after it; empty at the end.

    >>> is_odd("GI", "ù", ""), is_odd("EN", "٩", ""), is_odd(" N", "ã", "o"), is_odd("“C", "À", "”")
    (True, True, False, False)
    """
    category = unicodedata.category(character)
    if category in _SMALL and len(before) == 2 and before.isalpha() and before.isupper():
        return True
    # Digits of other alphabets count to none.
    other = category == "Nd" or _is_of_another_script(character)
    return other and category[0] in "LMN" and (_is_latin(before[-1:]) or _is_latin(after))


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalpha()


@functools.lru_cache(maxsize=1024)
def _is_of_another_script(character: str) -> bool:
    """Whether a character is a letter of a script other than Latin."""
    from jobs.text.scripts import NAMES, script_numbers

    number = int(script_numbers()[ord(character)])
    return number != 255 and NAMES[number] != "Latn"
