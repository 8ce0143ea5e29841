"""WAV, RF64 and BW64: the data chunk's size against the file's, sizes that were never filled in, joined files.

Multimedia Programming Interface 1.0 (IBM, Microsoft 1991); EBU Tech 3306 (RF64), whose 64-bit sizes are in the
chunk ``ds64``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.recordings.extent import Extent, Stream
from jobs.acquire.recordings.tags import end_of_sound, id3v2_size, is_padding

MAGICS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_CHUNK = 8
# A program that writes to a pipe cannot go back to the size: it leaves the largest number, signed or not, or that
# less the header. No file of this size is landed.
_OPEN = 0x7FFF0000
_SIXTY_FOUR = 0xFFFFFFFF
# Formats whose bytes are samples: PCM, floats, A-law, mu-law. Others state their samples in the chunk ``fact``.
_PLAIN = (1, 3, 6, 7)
_EXTENSIBLE = 0xFFFE


@dataclass(slots=True)
class _Header:
    """What the chunks before the sound say."""

    format: int = 0
    rate: int = 0
    frame: int = 0
    fact: int | None = None
    sixty_four: int | None = None


def walk(data: bytes) -> Extent:
    """Return the one stream of a WAV file.

    Raises:
        RejectedError: If it is cut off, was never finished, or holds more than its header says.
    """
    order = ">" if data.startswith(b"RIFX") else "<"
    header, at = _Header(), 12
    while True:
        if at + _CHUNK > len(data):
            raise RejectedError("cut off: the file ends before its sound (no data chunk)")
        name, size = data[at : at + 4], struct.unpack_from(f"{order}I", data, at + 4)[0]
        body = at + _CHUNK
        if name == b"data":
            break
        if body + size > len(data):
            missing = body + size - len(data)
            raise RejectedError(f"cut off: {missing} bytes of the chunk {name.decode('latin-1')!r} are missing")
        _read(header, name, data[body : body + size], order)
        at = body + size + size % 2
    if not header.frame or not header.rate:
        raise RejectedError("not a recording: the WAV file states no format of its sound")
    if size == _SIXTY_FOUR and header.sixty_four is not None:
        size = header.sixty_four
    return _stream(data, order, header, body, size)


def _read(header: _Header, name: bytes, chunk: bytes, order: str) -> None:
    if name == b"fmt " and len(chunk) >= 16:
        header.format, _, header.rate, _, header.frame = struct.unpack_from(f"{order}HHIIH", chunk)
        if header.format == _EXTENSIBLE and len(chunk) >= 26:
            header.format = struct.unpack_from(f"{order}H", chunk, 24)[0]
    elif name == b"fact" and len(chunk) >= 4:
        header.fact = struct.unpack_from(f"{order}I", chunk)[0]
    elif name == b"ds64" and len(chunk) >= 16:
        header.sixty_four = struct.unpack_from("<Q", chunk, 8)[0]


def _stream(data: bytes, order: str, header: _Header, body: int, size: int) -> Extent:
    present = len(data) - body
    if size == 0 and present > 0 and not _chunks_follow(data, body, order):
        size, open_ = present, True
    else:
        open_ = size >= _OPEN
    if open_:
        # What was never stated cannot be missed: the sound goes to the end of the file.
        size = end_of_sound(data, body) - body if not is_padding(data, body, len(data)) else present
        size -= size % header.frame
        data = _stated(data, order, body, size)
    elif size > present:
        missing = (size - present) / header.frame / header.rate if header.format in _PLAIN else 0
        length = f", {missing:.2f} s," if missing >= 0.01 else ""
        raise RejectedError(f"cut off: {size - present} of {size} bytes of sound{length} are missing")
    else:
        _require_accounted(data, body + size + size % 2, order)
    samples = size // header.frame if header.format in _PLAIN else None
    stated = samples if samples is not None else (None if open_ else header.fact)
    seconds = None if open_ or stated is None else stated / header.rate
    return Extent((Stream(0, len(data), seconds, samples),), data)


def _require_accounted(data: bytes, at: int, order: str) -> None:
    """Refuse sound behind the data chunk: a second file, or more samples than the header counts."""
    end = end_of_sound(data, at)
    while at < end and not is_padding(data, at, end):
        if data[at : at + 4] in MAGICS and data[at + 8 : at + 12] == b"WAVE":
            raise RejectedError("more than one recording: a second WAV file follows the first")
        if id3v2_size(data, at):
            at += id3v2_size(data, at)
            continue
        if not _is_chunk(data, at):
            raise RejectedError(f"{len(data) - at} bytes follow the sound that its header does not count")
        size = struct.unpack_from(f"{order}I", data, at + 4)[0]
        if data[at : at + 4] == b"data" and size:
            raise RejectedError("more than one recording: a second data chunk follows the first")
        at += _CHUNK + size + size % 2


def _is_chunk(data: bytes, at: int) -> bool:
    return at + _CHUNK <= len(data) and all(0x20 <= byte < 0x7F for byte in data[at : at + 4])


def _chunks_follow(data: bytes, at: int, order: str) -> bool:
    """Whether whole chunks fill the rest of the file, so that an empty data chunk is meant."""
    while _is_chunk(data, at):
        size = struct.unpack_from(f"{order}I", data, at + 4)[0]
        at += _CHUNK + size + size % 2
    return at in (len(data), len(data) + 1)


def _stated(data: bytes, order: str, body: int, size: int) -> bytes:
    """Return the file with the sizes that its writer left open, as a plain WAV."""
    head = bytearray(data[:body])
    if head.startswith((b"RF64", b"BW64")):
        head[:4] = b"RIFF"
        head[12:16] = head[12:16].replace(b"ds64", b"JUNK")
    head[4:8] = struct.pack(f"{order}I", body - _CHUNK + size)
    head[-4:] = struct.pack(f"{order}I", size)
    return bytes(head) + data[body : body + size]
