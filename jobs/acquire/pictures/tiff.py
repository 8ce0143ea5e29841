"""TIFF: directories, and the strips and tiles that they point to, within the file (TIFF 6.0; BigTIFF)."""

from __future__ import annotations

import struct

from jobs.acquire.file_guard import RejectedError

# Bytes of a value by its type's number.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LETTERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
# Pieces of pixels: (offsets, byte counts) of strips and of tiles.
_PIECES = ((273, 279), (324, 325))
_MOST_DIRECTORIES, _MOST_PIECES = 10_000, 1_000_000


def check(data: bytes) -> int:
    """Return the pictures of a TIFF.

    Raises:
        RejectedError: If a directory or a piece of pixels lies outside the file.
    """
    order = ">" if data.startswith(b"MM") else "<"
    big = data[2:4] in (b"\x2b\0", b"\0\x2b")
    at = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)[0]
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) >= _MOST_DIRECTORIES:
            raise RejectedError("damaged: its directories go round in circles, or are too many")
        seen.add(at)
        try:
            at = _directory(data, order, at, big=big)
        except struct.error:
            raise RejectedError(f"not a whole picture: directory {len(seen)} is not in the file") from None
    return len(seen)


def _directory(data: bytes, order: str, at: int, *, big: bool) -> int:
    """Check one directory and return where the next one is; 0 where it is the last."""
    count_format, entry_size, word = ("Q", 20, "Q") if big else ("H", 12, "I")
    count = struct.unpack_from(order + count_format, data, at)[0]
    begin = at + struct.calcsize(order + count_format)
    following: int = struct.unpack_from(order + word, data, begin + count * entry_size)[0]
    wanted = {tag for pair in _PIECES for tag in pair}
    values: dict[int, tuple[int, ...]] = {}
    for entry in range(begin, begin + count * entry_size, entry_size):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        if tag in wanted and kind in _LETTERS:
            values[tag] = _values(data, order + word, entry + 4, kind)
    for offsets, sizes in _PIECES:
        for offset, size in zip(values.get(offsets, ()), values.get(sizes, ()), strict=False):
            if offset + size > len(data):
                raise RejectedError(f"not a whole picture: {offset + size - len(data)} bytes of pixels are missing")
    return following


def _values(data: bytes, word: str, at: int, kind: int) -> tuple[int, ...]:
    count = struct.unpack_from(word, data, at)[0]
    if count > _MOST_PIECES:
        raise RejectedError(f"damaged: {count} pieces of pixels")
    width = struct.calcsize(word)
    place = at + width
    if count * _SIZES[kind] > width:
        place = struct.unpack_from(word, data, place)[0]
    return struct.unpack_from(f"{word[0]}{count}{_LETTERS[kind]}", data, place)
