"""Read WARC files (ISO 28500): crawled pages, and the texts of WET files."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from jobs.acquire.decoding import decode
from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.record import Record, bad

_MOST_HEADER = 1 << 16
_PIECE = 1 << 18
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(rb"^warc-type:[ \t]*(\w+)", re.IGNORECASE | re.MULTILINE)
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
# What holds content; requests, descriptions and repeats of what was crawled before hold none.
_WITH_CONTENT = ("response", "resource", "conversion")
_SUCCESS = re.compile(r"2\d\d\b")
_TEXTS = re.compile(r"text/[\w.+-]+|application/(?:xhtml\+xml|xml|json|[\w.-]+\+xml)")


def read(stream: IO[bytes], declared: Records) -> Iterator[Record]:
    """Yield the records that hold content: responses, resources and conversions.

    Their fields are those of the WARC header by name, and ``text``, ``media_type``, ``encoding`` and its method, or
    ``content``, the bytes, where a medium is declared. What cannot be framed is skipped up to the next record that
    can be, and has a problem; a response other than 2xx, or whose media type is no text, has one, too.
    """
    for number, (place, framed) in enumerate(_framed(stream, declared.max_bytes), 1):
        if isinstance(framed, str):
            yield bad(number, place, framed)
            continue
        try:
            with guarded("it cannot be read"):
                values = _values(framed, declared)
        except RejectedError as rejected:
            yield bad(number, place, str(rejected))
            continue
        if values is not None:
            yield Record(number, place, values)


def _framed(stream: IO[bytes], most: int) -> Iterator[tuple[str, bytes | str]]:
    """Yield the bytes of each record, or why it has none, with its place."""
    number = 0
    line = stream.readline(_MOST_HEADER)
    while line:
        if not line.strip():
            line = stream.readline(_MOST_HEADER)
            continue
        number += 1
        place = f"record {number}"
        if not line.startswith(b"WARC/"):
            skipped = 0
            while line and not line.startswith(b"WARC/1"):
                skipped += len(line)
                line = stream.readline(_MOST_HEADER)
            yield place, f"bytes that begin no WARC record: {skipped}"
            continue
        head = [line]
        while (line := stream.readline(_MOST_HEADER)).strip() and sum(map(len, head)) < _MOST_HEADER:
            head.append(line)
        header = b"".join(head)
        lengths = _LENGTH.findall(header.replace(b"\r\n", b"\n"))
        if len(lengths) != 1 or len(header) > _MOST_HEADER:
            yield place, "its header has no Content-Length, or several" if len(lengths) != 1 else "its header is long"
            line = stream.readline(_MOST_HEADER)
            continue
        length = int(lengths[0])
        if length > most:
            left = length
            while left and (piece := stream.read(min(left, _PIECE))):
                left -= len(piece)
            yield place, f"more than {most} bytes: {length}" if not left else "it is cut off"
        else:
            body = stream.read(length)
            yield place, header + b"\r\n" + body + b"\r\n\r\n" if len(body) == length else "it is cut off"
        line = stream.readline(_MOST_HEADER)


def _values(framed: bytes, declared: Records) -> dict[str, Any] | None:
    """Return the fields of one record; None where it is of a kind that holds no content."""
    from warcio.recordloader import ArcWarcRecordLoader

    kind = _TYPE.search(framed.partition(b"\r\n\r\n")[0])
    if kind is None:
        raise RejectedError("its header has no WARC-Type")
    if kind.group(1).decode().lower() not in _WITH_CONTENT:
        return None
    record = ArcWarcRecordLoader().parse_record_stream(io.BytesIO(framed), known_format="warc")
    values: dict[str, Any] = dict(record.rec_headers.headers)
    language = values.get("WARC-Identified-Content-Language")
    if language:
        values["WARC-Identified-Content-Language"] = language.partition(",")[0].strip()
    stated = record.rec_headers.get_header("Content-Type") or ""
    if record.http_headers is not None:
        if record.rec_type == "response" and not _SUCCESS.match(record.http_headers.get_statuscode() or ""):
            raise RejectedError(f"HTTP status: {record.http_headers.statusline[:80]}")
        stated = record.http_headers.get_header("Content-Type") or ""
    data = record.content_stream().read(declared.max_bytes + 1)
    if len(data) > declared.max_bytes:
        raise RejectedError(f"it unpacks to more than {declared.max_bytes} bytes")
    media_type = stated.partition(";")[0].strip().lower() or "text/html"
    values["media_type"] = media_type
    if declared.media:
        return values | {"content": data}
    if not _TEXTS.fullmatch(media_type):
        raise RejectedError(f"its media type is no text: {media_type[:80]}")
    return values | _text(data, media_type, stated, declared, values)


def _text(
    data: bytes, media_type: str, stated: str, declared: Records, values: Mapping[str, Any]
) -> dict[str, str | float | int | None]:
    """Decode a body: by the charset of its header where that reads it whole, else as any file is decoded."""
    match = _CHARSET.search(stated)
    if match and not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            encoding = codecs.lookup(match.group(1)).name
            text = data.decode(encoding)
        except (LookupError, ValueError):
            pass
        else:
            if "\0" not in text:
                return {"text": text, "encoding": encoding, "encoding_method": "declared"}
    found = decode(data, media_type, str(values.get(declared.language) or "und"))
    return {
        "text": found.text,
        "encoding": found.encoding,
        "encoding_method": found.method,
        "encoding_confidence": found.confidence,
        "encoding_note": found.note,
        "replaced": found.replaced,
    }
