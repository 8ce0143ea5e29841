"""FLAC: stream information, frames numbered without a gap, their checksums, the MD5 of the sound (RFC 9639)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.recordings.extent import Extent, Stream
from jobs.acquire.recordings.tags import end_of_sound, id3v2_size

MAGIC = b"fLaC"
_STREAMINFO_SIZE = 34
_TOTAL_AT = 21  # of the file: magic 4, block header 4, and 13 bytes of STREAMINFO before the 36 bits
_SYNCS = (b"\xff\xf8", b"\xff\xf9")  # blocks of one size; of sizes that vary
_NO_MD5 = bytes(16)
_BLOCK_SIZES = {1: 192, **{2 + n: 576 << n for n in range(4)}, **{8 + n: 256 << n for n in range(8)}}


@dataclass(frozen=True, slots=True)
class _Frame:
    at: int
    number: int  # of the frame, or of its first sample where block sizes vary
    samples: int


def walk(data: bytes) -> Extent:
    """Return the stream of a FLAC file; where its header leaves the length open, it is counted and filled in.

    Raises:
        RejectedError: If it is cut off, lacks frames, is damaged, or another stream follows it.
    """
    begin = id3v2_size(data, 0)
    data = data[begin:]
    info, first = _metadata(data)
    rate, total = info[10] << 12 | info[11] << 4 | info[12] >> 4, (info[13] & 15) << 32 | int.from_bytes(info[14:18])
    if not rate:
        raise RejectedError("not a recording: the FLAC header states no sample rate")
    md5 = info[18:34]
    frames = list(_frames(data, first))
    found = sum(frame.samples for frame in frames)
    if total and found < total:
        raise RejectedError(f"cut off or damaged: {found} of {total} samples a channel are there")
    if not frames:
        raise RejectedError("the recording has no sound" if first >= len(data) - 1 else "damaged: it holds no frame")
    end = _end(data, frames[-1].at)
    if total and found > total:
        raise RejectedError(f"{found} samples a channel, though its header states {total}")
    # With an MD5 the sound itself is checked when it is decoded.
    if md5 == _NO_MD5:
        for one, other in itertools.pairwise([*(frame.at for frame in frames), end]):
            if crc16(data[one:other]):
                raise RejectedError(f"damaged: the checksum of the frame at byte {one} is wrong")
    if not total:
        patched = bytearray(data[:end])
        patched[_TOTAL_AT] = patched[_TOTAL_AT] & 0xF0 | found >> 32 & 15
        patched[_TOTAL_AT + 1 : _TOTAL_AT + 5] = (found & 0xFFFFFFFF).to_bytes(4)
        data = bytes(patched)
    return Extent((Stream(0, end, total / rate if total else None, found, b"" if md5 == _NO_MD5 else md5),), data)


def crc16(data: bytes) -> int:
    """Return the checksum of a frame, polynomial 0x8005: 0 where the frame ends in its own."""
    found = 0
    for byte in data:
        found = found << 8 & 0xFF00 ^ _CRC16[found >> 8 ^ byte]
    return found


def crc8(data: bytes) -> int:
    """Return the checksum of a frame's header, polynomial 0x07: 0 where the header ends in its own."""
    found = 0
    for byte in data:
        found = _CRC8[found ^ byte]
    return found


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    out = []
    for value in range(256):
        found = value << (bits - 8)
        for _ in range(8):
            found = (found << 1 ^ polynomial if found & top else found << 1) & mask
        out.append(found)
    return tuple(out)


_CRC16, _CRC8 = _table(0x8005, 16), _table(0x07, 8)


def _metadata(data: bytes) -> tuple[bytes, int]:
    """Return STREAMINFO and where the frames begin."""
    if data[4:5] and data[4] & 0x7F:
        raise RejectedError("damaged: the FLAC file does not begin with stream information")
    at, last = 4, False
    while not last:
        if at + 4 > len(data):
            raise RejectedError("cut off: the file ends within its metadata")
        last, size = bool(data[at] & 0x80), int.from_bytes(data[at + 1 : at + 4])
        at += 4 + size
        if at > len(data):
            raise RejectedError("cut off: the file ends within its metadata")
    info = data[8 : 8 + _STREAMINFO_SIZE]
    if len(info) < _STREAMINFO_SIZE:
        raise RejectedError("cut off: the file ends within its metadata")
    return info, at


def _frames(data: bytes, begin: int) -> Iterator[_Frame]:
    """Yield frames as far as their numbers go on without a gap."""
    frame = _header(data, begin, 0)
    sync = data[begin : begin + 2]
    while frame is not None:
        yield frame
        step = frame.samples if sync == _SYNCS[1] else 1
        at = frame.at + 2
        found = None
        while found is None and (at := data.find(sync, at)) >= 0:
            found = _header(data, at, frame.number + step)
            at += 1
        frame = found


def _header(data: bytes, at: int, number: int) -> _Frame | None:
    """Return the frame at a position; None where no frame of that number begins there."""
    head = data[at : at + 16]
    if len(head) < 6 or head[:2] not in _SYNCS or head[3] & 1:
        return None
    ones = 8 - (head[4] ^ 0xFF).bit_length()  # leading ones: bytes of the number, coded as UTF-8 is
    extra = max(ones - 1, 0)
    value = head[4] & 0x7F >> ones
    for byte in head[5 : 5 + extra]:
        value = value << 6 | byte & 0x3F
    place = 5 + extra
    code, rate_code = head[2] >> 4, head[2] & 15
    samples = _BLOCK_SIZES.get(code, 0)
    if code in (6, 7):
        width = code - 5
        samples = int.from_bytes(head[place : place + width]) + 1
        place += width
    place += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if value != number or not samples or place >= len(head) or crc8(head[: place + 1]):
        return None
    return _Frame(at, number, samples)


def _end(data: bytes, last: int) -> int:
    """Return where the last frame ends; what follows it may be a tag, and no second stream."""
    end = end_of_sound(data, last)
    if not crc16(data[last:end]) or not crc16(data[last:]):
        return end if not crc16(data[last:end]) else len(data)
    for mark in (MAGIC, b"ID3"):
        at = data.find(mark, last)
        if at >= 0 and not crc16(data[last:at]):
            if id3v2_size(data, at) and at + id3v2_size(data, at) >= end:
                return at
            raise RejectedError("more than one recording: a second FLAC stream follows the first")
    raise RejectedError("cut off or damaged: the last frame's checksum is wrong")
