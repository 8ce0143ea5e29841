"""Read JSON Lines: one object a line, a line at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.record import Record, bad

_SKIPPED = 1 << 16


def read(stream: IO[bytes], declared: Records) -> Iterator[Record]:
    """Yield the records of a stream; a line that is no object of JSON, or too long, has a problem."""
    for number, line in numbered_lines(stream, declared.max_bytes):
        place = f"line {number}"
        if line is None:
            yield bad(number, place, f"longer than {declared.max_bytes} bytes")
            continue
        if line.isspace():
            continue
        try:
            values = _object(line)
        except Exception as error:  # noqa: BLE001 - of which guarded says the cause, or raises it
            yield bad(number, place, _problem(error))
        else:
            yield Record(number, place, values)


def _problem(error: Exception) -> str:
    """Return why a line is no object; entered for bad lines alone, since it costs more than reading one."""
    try:
        with guarded("it is not JSON"):
            raise error
    except RejectedError as rejected:
        return str(rejected)


def numbered_lines(stream: IO[bytes], most: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield lines with their numbers from 1; None in place of one that is longer than `most` bytes."""
    number = 0
    while line := stream.readline(most + 1):
        number += 1
        if len(line) > most and not line.endswith(b"\n"):
            while (rest := stream.readline(_SKIPPED)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line


def _object(line: bytes) -> dict[str, object]:
    value = json.loads(line.decode("utf-8-sig"))
    if not isinstance(value, dict):
        raise RejectedError(f"it is not a JSON object, but a {type(value).__name__}")
    return value
