"""Bytes to Unicode, as received: by byte order mark, declaration, UTF-8, and at last by what the language suggests."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator

from jobs.acquire.original_file import RejectedError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose little-endian mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# HTML 13.2.3.2: the first 1,024 bytes may declare the encoding. XML 4.3.3: so may the XML declaration.
_DECLARED_BYTES = 1024
_HTML = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9._:-]+)", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)", re.IGNORECASE)
# PEP 263: one of a Python file's first two lines.
_PYTHON = re.compile(rb"\A(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)")

# What browsers read where a page says one of these (WHATWG Encoding Standard): the superset.
_SUPERSETS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}

# Encodings that a language was written in before UTF-8, in the order to try. Only such as refuse what does
# not fit: single-byte Cyrillic, Greek and Hebrew pages accept nearly anything, so they must be declared.
_WESTERN = (
    *("af", "ca", "da", "de", "en", "es", "eu", "fi", "fo", "fr", "ga", "gl"),
    *("id", "is", "it", "nb", "nl", "nn", "no", "pt", "sq", "sv", "sw"),
)
_BY_LANGUAGE = {
    "zh-tw": ("big5hkscs",),
    "zh-hk": ("big5hkscs",),
    "zh-hant": ("big5hkscs",),
    "zh": ("gb18030",),
    "ja": ("euc_jp", "cp932"),
    "ko": ("cp949",),
    **dict.fromkeys(_WESTERN, ("cp1252",)),
}

# Everything below 0x20 but tab, line feed, vertical tab, form feed, carriage return, backspace and escape.
_CONTROLS = bytes(code for code in range(0x20) if code not in (8, 9, 10, 11, 12, 13, 27))
_MOST_CONTROLS = 0.005


def decode(data: bytes, media_type: str, language: str, modality: str = "text") -> tuple[str, str]:
    """Return the text of a file and the encoding it was in.

    Args:
        data: Its bytes, not compressed.
        media_type: Its IANA media type, which says where an encoding may be declared.
        language: BCP 47 hint; programming languages and ``und`` suggest nothing.
        modality: "code" lets a file that is not UTF-8 be read as windows-1252: names in comments.

    Raises:
        RejectedError: If it is empty, is not text, or is in no encoding that it or its language names.
    """
    if not data:
        raise RejectedError("the file is empty")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding), encoding
    _require_text(data)
    failures: list[str] = []
    for encoding in _candidates(data, media_type, language, modality):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError as error:
            failures.append(f"{encoding} (byte {error.start})")
    raise RejectedError(f"not text in {', '.join(failures)}, and nothing says what it is in")


def gunzip(data: bytes, most: int) -> bytes:
    """Return what a gzip file holds.

    Raises:
        RejectedError: If it is damaged or holds more than `most` bytes.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            out = file.read(most + 1)
    except EOFError:
        raise RejectedError("the gzip file is cut off") from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise RejectedError(f"the gzip file is damaged: {error}") from error
    if len(out) > most:
        raise RejectedError(f"holds more than {most} bytes")
    return out


def _strictly(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise RejectedError(f"not {encoding}, as its byte order mark says, at byte {error.start}") from error
    if "\0" in text:
        raise RejectedError("not text: it holds NUL characters")
    return text


def _require_text(data: bytes) -> None:
    at = data.find(b"\0")
    if at >= 0:
        raise RejectedError(f"not text: NUL at byte {at}")
    controls = len(data) - len(data.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(data):
        raise RejectedError(f"not text: {controls} control characters in {len(data)} bytes")


def _candidates(data: bytes, media_type: str, language: str, modality: str) -> Iterator[str]:
    declared = _declared(data, media_type)
    seen = set()
    suggested = ("cp1252",) if modality == "code" else _suggested(language)
    # ISO 2022-JP is made of ASCII bytes alone, so that it reads as UTF-8 too; its escapes give it away.
    escaped = ["iso2022_jp"] if language.startswith("ja") and b"\x1b$" in data else []
    for encoding in (*([declared] if declared else []), *escaped, "utf-8", *suggested):
        if encoding not in seen:
            seen.add(encoding)
            yield encoding


def _declared(data: bytes, media_type: str) -> str:
    head = data[:_DECLARED_BYTES]
    if media_type == "text/html":
        match = _HTML.search(head) or _XML.search(head)
    elif media_type.endswith("xml"):
        match = _XML.search(head)
    elif media_type == "text/x-python":
        match = _PYTHON.match(head)
    else:
        match = None
    if match is None:
        return ""
    try:
        info = codecs.lookup(match.group(1).decode("ascii", "replace"))
    except LookupError:
        return ""
    # utf-16 declared in bytes that read as ASCII is wrong; base64 and the like are no character encodings.
    if not info._is_text_encoding or info.name.startswith(("utf-16", "utf-32")):  # noqa: SLF001 - no public word
        return ""
    return _SUPERSETS.get(info.name, info.name)


def _suggested(language: str) -> tuple[str, ...]:
    tag = language.lower()
    while tag:
        if tag in _BY_LANGUAGE:
            return _BY_LANGUAGE[tag]
        tag = tag.rpartition("-")[0]
    return ()
