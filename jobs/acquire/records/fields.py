"""From the fields of a record to what a sample has: text, identity, language, licence, address, time, medium."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.languages import UNKNOWN, bcp47
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.record import Record

_NAMED = 12
_MOST_NAME = 4096
# Above it, a number counts milliseconds: 1e11 seconds are the year 5138.
_MILLISECONDS = 1e11


@dataclass(frozen=True, slots=True)
class Fields:
    """What a record says.

    Args:
        id: What names it within its source; empty where nothing does.
        text: Its text; empty for a picture without a caption.
        title: Its title.
        language: BCP 47 tag, und where it states none.
        license: The words of its licence; empty where it states none.
        url: Where it was published.
        time: When it was published, UTC.
        media: The bytes of its picture or recording.
        media_type: IANA media type of its text.
        decoded: How the text was decoded, by the columns of bronze.documents; empty where it came as Unicode.
    """

    id: str
    text: str
    title: str | None
    language: str
    license: str
    url: str | None
    time: dt.datetime | None
    media: bytes | None
    media_type: str
    decoded: Mapping[str, Any]

    def without_content(self) -> Fields:
        """Return it without text and medium, which need not be kept where only its id is wanted."""
        return dataclasses.replace(self, text="", media=None)


def fields_of(record: Record, declared: Records, modality: str) -> Fields:
    """Return what a record says.

    Args:
        record: The record, without a problem.
        declared: Which field is what, resolved.
        modality: What its sample is: text, code, speech or image.

    Raises:
        RejectedError: If it lacks what its modality needs, or a field is of another type.
    """
    values = record.values
    media = _media(values, declared) if modality in ("image", "speech") else None
    text = _text(values, declared.text, "text", required=modality != "image") or ""
    if not text.strip() and modality != "image":
        raise RejectedError(f"the field {declared.text!r} holds nothing but white space")
    size = len(text.encode()) + len(media or b"")
    if size > declared.max_bytes:
        raise RejectedError(f"more than {declared.max_bytes} bytes: {size}")
    name = ""
    if declared.id:
        name = _text(values, declared.id, "id", required=True) or ""
        if not name.strip() or len(name) > _MOST_NAME:
            problem = f"longer than {_MOST_NAME} characters" if name.strip() else "empty"
            raise RejectedError(f"the field {declared.id!r}, which is its id, is {problem}")
    stated = _text(values, declared.language, "language") or ""
    decoded = {key: values[key] for key in _DECODED if key in values} if declared.format == "warc" else {}
    return Fields(
        id=name,
        text=text,
        title=_line(_text(values, declared.title, "title")),
        language=bcp47(stated) if stated else UNKNOWN,
        license=_line(_text(values, declared.license, "license")) or "",
        url=_line(_text(values, declared.url, "url")),
        time=_time(_value(values, declared.time)) if declared.time else None,
        media=media,
        media_type=str(values["media_type"]) if declared.format == "warc" else declared.media_type,
        decoded=decoded,
    )


_DECODED = ("encoding", "encoding_method", "encoding_confidence", "encoding_note", "replaced")


def _value(values: Mapping[str, Any], field: str) -> Any:
    """Return the value of a field; None where the record has none. A dot leads into an object."""
    if field in values:
        return values[field]
    at: Any = values
    for part in field.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return None
        at = at[part]
    return at


def _text(values: Mapping[str, Any], field: str, what: str, *, required: bool = False) -> str | None:
    value = _value(values, field) if field else None
    if value is None:
        if required:
            raise RejectedError(f"it has no {field!r}, which is its {what}: it has {_names(values)}")
        return None
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RejectedError(f"the field {field!r} is not UTF-8 at byte {error.start}") from None
    # A licence or language may be a list of one, as dataset cards have it.
    if what in ("license", "language") and isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool) and what in ("id", "title"):
        value = str(value)
    if not isinstance(value, str):
        raise RejectedError(f"the field {field!r}, which is its {what}, is a {type(value).__name__}, not a text")
    if "\0" in value:
        raise RejectedError(f"the field {field!r} holds NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RejectedError(f"the field {field!r} cannot be read as Unicode at character {error.start}") from None
    return value


def _media(values: Mapping[str, Any], declared: Records) -> bytes:
    for field in declared.media:
        value = _value(values, field)
        if isinstance(value, Mapping):  # as the libraries of datasets store it: {bytes, path}
            if value.get("bytes") is None:
                raise RejectedError(f"the field {field!r} holds the name of a file, not its bytes")
            value = value["bytes"]
        if isinstance(value, str):
            try:
                value = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                raise RejectedError(f"the field {field!r} is a text, but not Base64") from None
        if isinstance(value, bytes):
            return value
        if value is not None:
            raise RejectedError(f"the field {field!r} is a {type(value).__name__}, not bytes")
    names = " or ".join(map(repr, declared.media))
    raise RejectedError(f"it has no {names}, which is its medium: it has {_names(values)}")


def _time(value: Any) -> dt.datetime | None:
    """Return a time in UTC; None where it is none that a calendar has."""
    try:
        if isinstance(value, str):
            value = value.strip()
            try:
                value = dt.datetime.fromisoformat(value)
            except ValueError:
                value = float(value) if value.replace(".", "", 1).isdigit() else parsedate_to_datetime(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            value = dt.datetime.fromtimestamp(value / 1000 if abs(value) > _MILLISECONDS else value, dt.UTC)
        if isinstance(value, dt.datetime):
            return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
        if isinstance(value, dt.date):
            return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None
    return None


def _line(text: str | None) -> str | None:
    return " ".join(text.split())[:_MOST_NAME] or None if text else None


def _names(values: Mapping[str, Any]) -> str:
    names = [name for name in values if name != "__key__"]
    shown = ", ".join(repr(str(name))[:60] for name in names[:_NAMED])
    return (shown + (", ..." if len(names) > _NAMED else "")) or "nothing"
