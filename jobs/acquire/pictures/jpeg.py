"""JPEG: markers to the end of the picture, all scans of all components, and no warning of the decoder (ITU-T T.81).

libjpeg goes on where data end too early and fills the rest with grey; it says so in a warning, which Pillow hides.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jobs.acquire.file_guard import RejectedError, guarded

MAGIC = b"\xff\xd8\xff"
_BARE = (0x01, *range(0xD0, 0xD8))
_START_OF_SCAN, _END = 0xDA, 0xD9
_FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
# A scan costs a pass over all pixels; encoders write about ten.
_MOST_SCANS = 200


def check(data: bytes) -> None:
    """Read a JPEG to its end.

    Raises:
        RejectedError: If it is cut off, lacks scans, or libjpeg warns of it.
    """
    import simplejpeg

    _require_scans(data)
    with guarded("not a whole picture"):
        simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)


def _require_scans(data: bytes) -> None:
    components: dict[int, int] = {}
    is_progressive, scans, ended = False, 0, False
    missing = np.empty((0, 64), np.int8)
    for marker, body in _segments(data):
        if marker in _FRAMES:
            is_progressive = marker in _PROGRESSIVE
            components = {body[6 + 3 * at]: at for at in range(body[5]) if len(body) > 6 + 3 * at}
            # Bits of each coefficient that are still to come; all of them before its first scan.
            missing = np.full((len(components), 64), 127, np.int8)
        elif marker == _START_OF_SCAN:
            scans += 1
            if scans > _MOST_SCANS:
                raise RejectedError(f"more than {_MOST_SCANS} scans")
            count = body[0]
            first, last, low = body[1 + 2 * count], body[2 + 2 * count], body[3 + 2 * count] & 15
            for one in range(count):
                row = components.get(body[1 + 2 * one])
                if row is not None:
                    missing[row, slice(first, last + 1) if is_progressive else slice(None)] = low * is_progressive
        elif marker == _END:
            ended = True
    if not ended:
        raise RejectedError("not a whole picture: cut off before its end marker")
    if not len(missing) or missing.any():
        raise RejectedError("not a whole picture: scans of it are missing")


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield markers with the segments that they head, from the first picture's start to its end."""
    at = 2
    while at + 1 < len(data):
        if data[at] != 0xFF:
            # Coded data, or bytes that belong to nothing, of which libjpeg warns: the next marker ends both.
            at = _next_marker(data, at)
            continue
        marker = data[at + 1]
        if marker in (0xFF, 0x00, *_BARE):
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _END:
            yield marker, b""
            return
        size = int.from_bytes(data[at + 2 : at + 4])
        if size < 2 or at + 2 + size > len(data):
            raise RejectedError("not a whole picture: cut off in a segment")
        yield marker, data[at + 4 : at + 2 + size]
        at += 2 + size
        if marker == _START_OF_SCAN:
            at = _next_marker(data, at)


def _next_marker(data: bytes, at: int) -> int:
    """Return where the next marker is that is neither a stuffed byte nor a restart."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] not in (0x00, 0xFF, *_BARE):
            return at
        at += 1 if data[at + 1] == 0xFF else 2
    return len(data)
