"""PNG: the checksum of each chunk, the end chunk, and as many rows of pixels as the header states (PNG 3rd edition)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from jobs.acquire.file_guard import RejectedError

MAGIC = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column and row, steps between columns and rows, of the seven passes of an interlaced picture (8.2, Adam7).
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 1 << 20


def check(data: bytes) -> int:
    """Return the frames of a PNG, more than one where it is animated.

    Raises:
        RejectedError: If a chunk is cut or damaged, the end is missing, or rows of pixels are.
    """
    header, frames, controls = b"", 1, 0
    found = 0
    inflate = zlib.decompressobj()
    for name, body in _chunks(data):
        if name == b"IHDR":
            header = body
        elif name == b"acTL":
            frames = int.from_bytes(body[:4])
        elif name == b"fcTL":
            controls += 1
        elif name == b"IDAT":
            found += _inflated(inflate, body)
    if len(header) != 13:
        raise RejectedError("not a whole picture: it has no header chunk")
    wanted = _pixel_bytes(header)
    if found < wanted or not inflate.eof:
        raise RejectedError(f"not a whole picture: {found} of {wanted} bytes of pixels are there")
    if frames > 1 and controls < frames:
        raise RejectedError(f"not a whole picture: {controls} of {frames} frames are there")
    return max(frames, 1)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, name = len(MAGIC), b""
    while name != b"IEND":
        if at + 12 > len(data):
            raise RejectedError("not a whole picture: cut off before its end chunk")
        size, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + size > len(data):
            raise RejectedError(f"not a whole picture: cut off in the chunk {name.decode('latin-1')!r}")
        body = data[at + 8 : at + 8 + size]
        if zlib.crc32(data[at + 4 : at + 8 + size]) != int.from_bytes(data[at + 8 + size : at + 12 + size]):
            raise RejectedError(f"damaged: the checksum of the chunk {name.decode('latin-1')!r} at byte {at} is wrong")
        yield name, body
        at += 12 + size


def _inflated(inflate: zlib._Decompress, body: bytes) -> int:
    """Return the bytes that a piece of the pixels inflates to, without holding more than a MiB of them."""
    count = 0
    try:
        while body and not inflate.eof:
            count += len(inflate.decompress(body, _PIECE))
            body = inflate.unconsumed_tail
    except zlib.error as error:
        raise RejectedError(f"damaged: {error}") from error
    return count


def _pixel_bytes(header: bytes) -> int:
    """Return the bytes that all rows have, each with its filter byte."""
    width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * _CHANNELS.get(color, 0)
    total = 0
    for left, top, across, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total
