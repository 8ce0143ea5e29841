"""Read JSON files of records: one array of objects, an object at a time, or JSON Lines by another name."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from typing import IO

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.records import json_lines
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.record import Record, bad

_PIECE = 1 << 18
_BETWEEN = " \t\r\n"


def read(stream: IO[bytes], declared: Records) -> Iterator[Record]:
    """Yield the objects of an array; an element that is none has a problem.

    Raises:
        RejectedError: If an element cannot be parsed: what follows it cannot be split into elements.
    """
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    if not buffered.peek(_PIECE).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        yield from json_lines.read(buffered, declared)
        return
    text = _Text(buffered, declared.max_bytes)
    text.skip("[")
    for number in range(1, 1 << 62):
        if text.next() == "]":
            return
        value, size = text.value(number)
        place = f"record {number}"
        if size > declared.max_bytes:
            yield bad(number, place, f"longer than {declared.max_bytes} characters")
        elif isinstance(value, dict):
            yield Record(number, place, value)
        else:
            yield bad(number, place, f"it is not a JSON object, but a {type(value).__name__}")
        if text.next() == ",":
            text.skip(",")
        elif text.next() != "]":
            raise RejectedError(f"it is not JSON: no comma behind record {number}")


class _Text:
    """The part of a text that is at work."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most = stream, most
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder()
        self._text, self._at, self._whole = "", 0, False

    def next(self) -> str:
        """Return the next character that is not white space, without going over it.

        Raises:
            RejectedError: If there is none.
        """
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BETWEEN:
                    return self._text[self._at]
                self._at += 1
            if not self._more(_PIECE):
                raise RejectedError("the array is cut off")

    def skip(self, character: str) -> None:
        """Go over a character that is next."""
        if self.next() == character:
            self._at += 1

    def value(self, number: int) -> tuple[object, int]:
        """Return the next value and its length in characters.

        Raises:
            RejectedError: If it is longer than is allowed, or not JSON.
        """
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                left = len(self._text) - self._at
                if left > self._most:
                    raise RejectedError(
                        f"record {number} is longer than {self._most} characters, or not JSON"
                    ) from None
                if not self._more(max(left, _PIECE)):
                    words = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                    raise RejectedError(f"record {number} is not JSON: {words}") from None
                continue
            # A number may go on behind what was read.
            if end == len(self._text) and not isinstance(value, dict | list | str) and self._more(_PIECE):
                continue
            size, self._at = end - self._at, end
            return value, size

    def _more(self, size: int) -> bool:
        """Read on, and forget what was used; return whether there was more."""
        if self._whole:
            return False
        data = self._stream.read(size)
        self._whole = not data
        self._text = self._text[self._at :] + self._decoder.decode(data, final=self._whole)
        self._at = 0
        return not self._whole
