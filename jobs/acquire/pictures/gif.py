"""GIF: blocks to the trailer, and the frames among them (GIF89a)."""

from __future__ import annotations

from jobs.acquire.file_guard import RejectedError

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


def check(data: bytes) -> int:
    """Return the frames of a GIF.

    Raises:
        RejectedError: If it is cut off or damaged.
    """
    at, frames = 13 + _table(data[10:11]), 0
    while True:
        kind = data[at : at + 1]
        if not kind:
            raise RejectedError(f"not a whole picture: cut off after {frames} frames, before its trailer")
        if kind[0] == _TRAILER:
            return frames
        if kind[0] == _EXTENSION:
            at = _blocks(data, at + 2)
        elif kind[0] == _IMAGE:
            frames += 1
            at = _blocks(data, at + 10 + _table(data[at + 9 : at + 10]) + 1)
        else:
            raise RejectedError(f"damaged: no block begins at byte {at}")


def _table(flags: bytes) -> int:
    """Return the bytes of the colour table that flags announce."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _blocks(data: bytes, at: int) -> int:
    """Return where a chain of sub-blocks ends."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    if at >= len(data):
        raise RejectedError("not a whole picture: cut off within a frame")
    return at + 1
