"""BCP 47 tags from the names that packages use: POSIX locales, file suffixes, ISO 639-3 codes."""

from __future__ import annotations

import re

UNKNOWN = "und"

_SCRIPTS = {"latin": "Latn", "latn": "Latn", "cyrillic": "Cyrl", "cyrl": "Cyrl", "devanagari": "Deva", "arab": "Arab"}
_LOCALE = re.compile(r"^([A-Za-z]{2,3})(?:[_-]([A-Za-z0-9_-]+))?(?:\.[A-Za-z0-9-]+)?(?:@([A-Za-z0-9]+))?$")

# ISO 639-3 codes of languages that BCP 47 writes with two letters (RFC 5646, 2.2.1), where packages use them.
_SHORT = {
    "afr": "af", "amh": "am", "arb": "ar", "bel": "be", "ben": "bn", "bod": "bo", "bos": "bs", "bul": "bg",
    "cat": "ca", "ces": "cs", "cym": "cy", "dan": "da", "deu": "de", "ell": "el", "eng": "en", "epo": "eo",
    "ekk": "et", "eus": "eu", "fao": "fo", "fin": "fi", "fra": "fr", "gle": "ga", "glg": "gl", "guj": "gu",
    "hau": "ha", "heb": "he", "hin": "hi", "hrv": "hr", "hun": "hu", "hye": "hy", "ind": "id", "isl": "is",
    "ita": "it", "jav": "jv", "jpn": "ja", "kan": "kn", "kat": "ka", "kaz": "kk", "khm": "km", "kir": "ky",
    "kor": "ko", "lao": "lo", "lat": "la", "lit": "lt", "lvs": "lv", "mal": "ml", "mar": "mr", "mkd": "mk",
    "mlt": "mt", "khk": "mn", "mri": "mi", "mya": "my", "npi": "ne", "nld": "nl", "nno": "nn", "nob": "nb",
    "pan": "pa", "pes": "fa", "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "sin": "si", "slk": "sk",
    "slv": "sl", "som": "so", "spa": "es", "srp": "sr", "swe": "sv", "swh": "sw", "tam": "ta", "tel": "te",
    "tgk": "tg", "tgl": "tl", "tha": "th", "tur": "tr", "uig": "ug", "ukr": "uk", "urd": "ur", "uzn": "uz",
    "vie": "vi", "xho": "xh", "yor": "yo", "zul": "zu", "cmn": "zh", "ccx": "za", "iii": "ii",
}  # fmt: skip


def bcp47(name: str) -> str:
    """Return the BCP 47 tag of a locale or language code; ``und`` where it is none.

    >>> bcp47("zh_CN"), bcp47("ca@valencia"), bcp47("cmn_hans"), bcp47("en-us"), bcp47("deu"), bcp47("?")
    ('zh-CN', 'ca-valencia', 'zh-Hans', 'en-US', 'de', 'und')
    """
    found = _LOCALE.match(name.strip())
    if found is None:
        return UNKNOWN
    language, rest, modifier = found.groups()
    parts = [_SHORT.get(language.lower(), language.lower())]
    for part in re.split(r"[_-]", rest or ""):
        if len(part) == 4 and part.isalpha():
            parts.append(part.title())
        elif (len(part) == 2 and part.isalpha()) or (len(part) == 3 and part.isdigit()):
            parts.append(part.upper())
        elif 5 <= len(part) <= 8 and part.isalnum():
            parts.append(part.lower())
    if modifier:
        script = _SCRIPTS.get(modifier.lower())
        if script:
            parts.insert(1, script)
        elif len(modifier) >= 5:
            parts.append(modifier.lower())
    return "-".join(parts)
