"""Which character encoding bytes are in that say nothing of it: the reading that is the likeliest text.

Each candidate that can read the bytes makes a text of them; `jobs.text.likelihood` says how likely each text is in
each of its languages. What reads alike is one reading. A reading's confidence is its share of all readings'
likelihood, tempered, since neighbouring characters are no independent witnesses.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Python's codecs and how much rarer than the commonest of their bytes' readings they are, in nats. Between
# encodings that read alike the first one names the text.
CANDIDATES = {
    "cp1252": 0, "gb18030": 0, "big5hkscs": 0, "cp932": 0, "euc_jp": 0, "cp949": 0, "cp1251": 0, "cp1250": 1,
    "cp1253": 0, "cp1255": 0, "cp1256": 0, "cp874": 0, "cp1254": 1, "cp1257": 1, "koi8-r": 1, "koi8-u": 2,
    "iso8859-2": 1, "iso8859-7": 1, "iso8859-8": 1, "iso8859-15": 1, "iso8859-9": 2, "cp1258": 2, "cp866": 3,
    "iso8859-5": 3, "cp850": 3, "cp852": 3, "iso8859-6": 3, "iso8859-13": 3, "euc_jis_2004": 3, "cp437": 4,
    "mac_roman": 4, "iso8859-4": 4, "mac_cyrillic": 5, "cp862": 5, "iso8859-16": 5, "iso8859-3": 6, "iso8859-10": 6,
    "iso8859-14": 6, "cp737": 6, "cp775": 6, "cp858": 6, "cp1125": 6, "cp855": 7,
    "cp857": 7, "mac_latin2": 7, "mac_turkish": 8, "mac_greek": 8, "mac_iceland": 8, "mac_croatian": 8,
    "mac_romanian": 8, "johab": 8, "cp865": 7, "cp861": 8, "cp863": 8, "cp860": 8,
}  # fmt: skip
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
# A byte that an encoding has no character for may be a stray one: one in as many.
_STRAYS = 1000

# A language other than the declared one, and one of another region or script.
_OTHER_LANGUAGE = 12.0
_OTHER_REGION = 3.0
_TEMPER = 0.35
# Nats a character beyond ASCII under which a reading is no text of its language: an alphabet's letters have 2 to 4,
# syllables and kana 4 to 6, Han characters 6 to 8.5, of which there are so many.
_LEAST = {"zh-Hans": -9.5, "zh-Hant": -9.5, "ja": -7.5, "ko": -7.5, "und": -7.5}
_LEAST_OTHER = -6.3
_EAST_ASIAN = "\u2e80"
# A few signs alone are no evidence: as many characters of usual likelihood are added.
_FEW, _USUAL = 4, -5.0
# Bytes that are read, of the lines that are not ASCII.
_MOST_BYTES = 64 << 10
_LINES = re.compile(rb"[^\n\x80-\xff]{0,1000}[\x80-\xff][^\n]*\n?")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the bytes.

    Args:
        encoding: Python's name of the codec.
        language: BCP 47 tag of the language that it is likeliest in.
        nats: Log likelihood, priors included.
        average: Nats a character beyond ASCII in that language.
        confidence: Share of all readings, tempered; 0 where it is no text of any language.
    """

    encoding: str
    language: str
    nats: float
    average: float
    confidence: float


def detect(data: bytes, language: str, *, favoured: Mapping[str, float] | None = None) -> list[Reading]:
    """Return the readings of bytes, the most likely first; empty where no candidate can read them.

    Args:
        data: The bytes, which are not ASCII alone.
        language: BCP 47 hint that narrows the candidates; what the model does not know says nothing.
        favoured: Encodings that something else speaks for, and nats that are added to their likelihood. They are
            read however many bytes are wrong.
    """
    readings, seen = [], set()
    for name, bonus in (favoured or {}).items():
        text = _sample(data).decode(name, "replace")
        seen.add(text)
        readings.append(reading(name, text, language, bonus))
    for name, text in _texts(data):
        if text not in seen:
            seen.add(text)
            readings.append(reading(name, text, language, -float(CANDIDATES.get(name, 6))))
    return _weighed(readings)


def reading(name: str, text: str, language: str, bonus: float = 0.0) -> Reading:
    """Return how likely a text is, read as the encoding `name`; its confidence is 1 where it can be text at all."""
    from jobs.text.likelihood import languages, likelihood

    found = likelihood(text)
    weighed = found.nats + _priors(language.lower())
    best = int(weighed.argmax())
    total = float(np.logaddexp.reduce(weighed)) + bonus
    if name in _WIDE:  # there the letters of ASCII tell as much
        average = float(found.nats[best]) / max(found.read, 1)
    else:
        average = (float(found.beyond[best]) + _USUAL * _FEW) / (found.count + _FEW)
    tag = languages()[best]
    beyond = [character for character in text[:_MOST_BYTES] if character >= "\x80"]
    dense = 2 * sum(character >= _EAST_ASIAN for character in beyond) > len(beyond) or tag == "und"
    least = _LEAST.get(tag, _LEAST_OTHER) if dense else _LEAST_OTHER
    return Reading(name, tag, total, average, float(average >= least))


def _texts(data: bytes) -> Iterator[tuple[str, str]]:
    sample = _sample(data)
    names = _WIDE if b"\0" in data else (*CANDIDATES, *_WIDE[:2])
    for name in names:
        if name not in _WIDE:
            part = sample
        elif len(data) % (int(name[4:6]) // 8) == 0:
            part = data[:_MOST_BYTES]
        else:
            continue
        text = part.decode(name, "replace")
        if len(part) < len(data) and text.endswith("\ufffd"):
            text = text[:-1]  # cut off by the sample
        if text.count("\ufffd") <= max(1, len(part) // _STRAYS) and "\0" not in text:
            yield name, text


def _sample(data: bytes) -> bytes:
    """Return the lines that are not ASCII, as many as are read."""
    if len(data) <= _MOST_BYTES:
        return data
    parts: list[bytes] = []
    size = 0
    for match in _LINES.finditer(data):
        parts.append(match.group()[: _MOST_BYTES - size])
        size += len(parts[-1])
        if size >= _MOST_BYTES:
            break
    return b"".join(parts)


@functools.lru_cache(maxsize=64)
def _priors(hint: str) -> npt.NDArray[np.float64]:
    from jobs.text.likelihood import languages

    tags = [tag.lower() for tag in languages()]
    base = hint.split("-", maxsplit=1)[0]
    if not any(tag.split("-")[0] == base for tag in tags[:-1]):
        return np.zeros(len(tags))
    wanted = {"zh-tw": "zh-hant", "zh-hk": "zh-hant", "zh-mo": "zh-hant", "zh-cn": "zh-hans", "zh-sg": "zh-hans"}
    wanted_tag = wanted.get("-".join(hint.split("-")[:2]), hint)
    return np.array(
        [
            0.0
            if tag == wanted_tag or (tag.split("-")[0] == base and "-" not in wanted_tag)
            else -(_OTHER_REGION if tag.split("-")[0] == base else _OTHER_LANGUAGE)
            for tag in tags
        ]
    )


def _weighed(readings: list[Reading]) -> list[Reading]:
    """Order readings and give them their confidence."""
    if not readings:
        return []
    nats = np.array([reading.nats for reading in readings])
    shares = np.exp(_TEMPER * (nats - nats.max()))
    shares /= shares.sum()
    out = [
        Reading(r.encoding, r.language, r.nats, r.average, float(share) * r.confidence)
        for r, share in zip(readings, shares, strict=True)
    ]
    return sorted(out, key=lambda reading: -reading.nats)
