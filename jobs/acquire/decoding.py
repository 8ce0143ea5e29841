"""Bytes to Unicode, as received: by byte order mark, declaration, UTF-8, and at last by statistics.

In this order:

1. A byte order mark decides.
2. A declaration decides (`jobs.acquire.declared_encoding`) where the bytes can be read so, unless they are valid
   UTF-8 or another reading is certain, and what it makes of them is much less likely text: a declaration that
   contradicts the bytes loses with a note.
3. Valid UTF-8 is UTF-8; a few stray bytes in it become U+FFFD and are counted. ISO-2022 and HZ, which are ASCII
   alone, are known by their escapes.
4. The likeliest reading (`jobs.acquire.detect_encoding`), where its confidence suffices; else the file is refused,
   and the reason names the candidates.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

from jobs.acquire.declared_encoding import declared_encoding
from jobs.acquire.detect_encoding import Reading, detect, reading
from jobs.acquire.file_guard import RejectedError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose little-endian mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)

# Everything below 0x20 but tab, line feed, vertical tab, form feed, carriage return, backspace and escape.
_CONTROLS = bytes(code for code in range(0x20) if code not in (8, 9, 10, 11, 12, 13, 27))
_MOST_CONTROLS = 0.005

# Encodings of ASCII bytes alone and what gives them away. The extended ISO-2022-JP has half-width kana and more kanji.
_ESCAPED = (
    (b"\x1b$)C", "iso2022_kr"),
    (b"\x1b$", "iso2022_jp"),
    (b"\x1b(I", "iso2022_jp_ext"),
    (b"\x1b$", "iso2022_jp_ext"),
    (b"\x1b$", "iso2022_jp_2004"),
    (b"~{", "hz"),
)
# "~{" is written for other reasons, too.
_LEAST_HZ = 8
# UTF-8 of this many sequences is no accident where this share of what is not ASCII is valid.
_SURE_SEQUENCES = 10
_SURE_SHARE = 0.9
_SEQUENCE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_BEYOND = re.compile(rb"[\x80-\xff]+")
# A declaration may be wrong about one byte in as many.
_STRAYS = 1000
# Nats by which another reading must be likelier than what a file declares, at least and for each run of bytes
# beyond ASCII. UTF-8 is valid by chance so seldom that it needs less.
_CONTRADICTS, _CONTRADICTS_EACH = 40.0, 1.0
_UTF8_CONTRADICTS = 8.0
_UTF8_BONUS, _UTF8_DECLARED = 14.0, 20.0
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and how it was read.

    Args:
        text: The text, with U+FFFD for each run of bytes that could not be read.
        encoding: Python's name of the encoding.
        method: "mark", "declared", "utf-8", "escapes" or "detected".
        confidence: From 0 to 1; 1 where a mark, a declaration or valid UTF-8 decides.
        replaced: Places where bytes could not be read.
        note: What a reader should know: a declaration that was wrong, or a label that is none.
    """

    text: str
    encoding: str
    method: str
    confidence: float = 1.0
    replaced: int = 0
    note: str | None = None


def decode(data: bytes, media_type: str, language: str, least_confidence: float = 0.95) -> Decoded:
    """Return the text of a file and how it was read.

    Args:
        data: Its bytes, not compressed.
        media_type: Its IANA media type, which says where an encoding may be declared.
        language: BCP 47 hint, which narrows the candidates; programming languages and ``und`` suggest nothing.
        least_confidence: Of a detected encoding; below it the file is refused.

    Raises:
        RejectedError: If it is empty, is not text, or no reading of it is certain.
    """
    if not data:
        raise RejectedError("the file is empty")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _marked(data[len(mark) :], encoding)
    if b"\0" in data:
        return _wide(data, language, least_confidence)
    if data.isascii() and (escaped := _escaped(data, language)):
        return escaped
    controls = len(data) - len(data.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(data):
        return _wide(data, language, least_confidence)
    if data.isascii():
        return Decoded(data.decode("ascii"), "utf-8", "utf-8")
    return _unmarked(data, media_type, language, least_confidence)


def _marked(data: bytes, encoding: str) -> Decoded:
    """Read what stands behind a byte order mark; a few bytes may be wrong, as anywhere."""
    text = data.decode(encoding, "replace")
    if "\0" in text:
        raise RejectedError("not text: it holds NUL characters")
    replaced = text.count("\ufffd") - data.count("\ufffd".encode(encoding))
    if replaced > max(1, len(text) // 100):
        raise RejectedError(f"not {encoding}, as its byte order mark says: {replaced} places cannot be read")
    return Decoded(text, encoding, "mark", replaced=max(replaced, 0))


def _wide(data: bytes, language: str, least: float) -> Decoded:
    """Read UTF-16 or UTF-32 without a mark: bytes that hold NUL or controls are nothing else, if they are text."""
    readings = [found for found in detect(data, language) if found.encoding.startswith(("utf-16", "utf-32"))]
    if readings and readings[0].confidence >= least:
        best = readings[0]
        text = data.decode(best.encoding, "replace")
        return Decoded(text, best.encoding, "detected", best.confidence, text.count("\ufffd"))
    at = data.find(0)
    if at >= 0:
        raise RejectedError(f"not text: NUL at byte {at}")
    controls = len(data) - len(data.translate(None, _CONTROLS))
    raise RejectedError(f"not text: {controls} control characters in {len(data)} bytes")


def _escaped(data: bytes, language: str) -> Decoded | None:
    """Read ISO-2022 and HZ, whose bytes are ASCII; None where it is ASCII indeed."""
    for escape, encoding in _ESCAPED:
        if escape not in data:
            continue
        try:
            text = data.decode(encoding)
        except UnicodeError:
            continue
        beyond = sum(character >= "\x80" for character in text)
        if "\x1b" in text or not beyond or (encoding == "hz" and beyond < _LEAST_HZ):
            continue
        # Escapes that read through are no accident; braces may be.
        if encoding != "hz" or reading(encoding, text, language).confidence:
            return Decoded(text, encoding, "escapes")
    return None


def _unmarked(data: bytes, media_type: str, language: str, least: float) -> Decoded:
    declared, label = declared_encoding(data, media_type)
    note = f"it declares {label[:40]!r}, which is no label of an encoding" if label and not declared else None
    utf8 = _utf8(data)
    if utf8 and declared in ("", "utf-8") and (not utf8.replaced or _is_sure(data)):
        return replace(utf8, note=note)
    stated = _declared(data, declared)
    if declared and not stated:
        note = f"it declares {label!r}, in which it cannot be read"
        if utf8 and not utf8.replaced:
            return replace(utf8, note=note)
    favoured = {declared: 0.0} if stated else {}
    if utf8:
        favoured["utf-8"] = _UTF8_DECLARED if declared == "utf-8" else _UTF8_BONUS
    readings = detect(data, language, favoured=favoured)
    best = readings[0] if readings and readings[0].confidence >= least else None
    if stated:
        own = next(found for found in readings if found.encoding == declared)
        if best is None or best.nats - own.nats < _enough(data, best):
            return stated
        note = f"it declares {label!r}, but reads as {best.encoding}"
    if best is None:
        raise RejectedError(f"in no encoding for certain{_named(readings)}" + (f"; {note}" if note else ""))
    if utf8 and best.encoding == "utf-8":
        return replace(utf8, confidence=best.confidence, note=note if declared != "utf-8" else None)
    text = data.decode(best.encoding, "replace")
    return Decoded(text, best.encoding, "detected", best.confidence, text.count("\ufffd"), note)


def _enough(data: bytes, best: Reading) -> float:
    if best.encoding == "utf-8":
        return _UTF8_CONTRADICTS
    return _CONTRADICTS + _CONTRADICTS_EACH * min(len(_BEYOND.findall(data)), 100)


def _utf8(data: bytes) -> Decoded | None:
    """Read UTF-8 with stray bytes; None where hardly anything is."""
    try:
        return Decoded(data.decode("utf-8"), "utf-8", "utf-8")
    except UnicodeDecodeError:
        pass
    sequences, strays = _sequences(data)
    if not sequences or strays > sequences:
        return None
    text = data.decode("utf-8", "replace")
    return Decoded(text, "utf-8", "utf-8", replaced=text.count("\ufffd") - data.count(b"\xef\xbf\xbd"))


def _sequences(data: bytes) -> tuple[int, int]:
    """Return how many sequences of UTF-8 there are beyond ASCII, and how many bytes besides."""
    found = _SEQUENCE.findall(data)
    beyond = len(data) - len(data.translate(None, bytes(range(0x80, 0x100))))
    return len(found), beyond - sum(map(len, found))


def _is_sure(data: bytes) -> bool:
    sequences, strays = _sequences(data)
    return sequences >= _SURE_SEQUENCES and strays <= (1 - _SURE_SHARE) * (sequences + strays)


def _declared(data: bytes, encoding: str) -> Decoded | None:
    """Read what a file declares; None where more than single bytes are wrong."""
    if not encoding:
        return None
    text = data.decode(encoding, "replace")
    replaced = text.count("\ufffd")
    if replaced > max(1, len(data) // _STRAYS) or "\x1b" in text or (encoding == "utf-8" and not text.isascii()):
        return None
    return Decoded(text, encoding, "declared", replaced=replaced)


def _named(readings: list[Reading]) -> str:
    """Return the candidates and their confidence, for a reason."""
    names = [f"{reading.encoding} {reading.confidence:.2f}" for reading in readings[:_NAMED]]
    return f": {', '.join(names)}" if names else ""
