"""AIFF, AU, CAF, Wave64 and NIST SPHERE: the stated length of the sound against the bytes that are there."""

from __future__ import annotations

import re
import struct

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.recordings.extent import Extent, Stream
from jobs.acquire.recordings.tags import end_of_sound, is_padding

_AU_OPEN = 0xFFFFFFFF
_CAF_OPEN = -1
# GUIDs of Wave64's chunks begin with the chunk's name and go on alike.
W64_MAGIC = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_NIST = re.compile(rb"^\s*(\w+)\s+-(?:i|r|s\d+)\s+(.*?)\s*$", re.MULTILINE)
# A byte of padding, or two, end a file that is made of even chunks.
_SLACK = 3


def walk_aiff(data: bytes) -> Extent:
    """Return the stream of an AIFF or AIFF-C file (Apple 1989, 1991).

    Raises:
        RejectedError: If it is cut off, was never finished, or another follows it.
    """
    end = 8 + int.from_bytes(data[4:8], "big")
    at, samples, rate, sound, body = 12, None, 0.0, None, 0
    while at + 8 <= min(len(data), end):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if name == b"COMM" and at + 26 <= len(data):
            samples = int.from_bytes(data[at + 10 : at + 14], "big")
            rate = _extended(data[at + 16 : at + 26])
        if name == b"SSND":
            sound, body = size, at + 8
        if at + 8 + size > len(data):
            raise RejectedError(_missing(name.decode("latin-1"), at + 8 + size - len(data)))
        at += 8 + size + size % 2
    if samples is None or sound is None or rate <= 0:
        if end > len(data):
            raise RejectedError(_missing("FORM", end - len(data)))
        raise RejectedError("not a recording: the AIFF file has no sound or no format of it")
    if not samples or sound <= 8:
        _require_finished(data, body)
    _require_last(data, at)
    return Extent((Stream(0, len(data), samples / rate, samples),), data)


def walk_au(data: bytes) -> Extent:
    """Return the stream of an AU file (Sun); a length of 0xFFFFFFFF is unknown by its definition.

    Raises:
        RejectedError: If it is cut off or another follows it.
    """
    order = "<" if data.startswith(b"dns.") else ">"
    if len(data) < 24:
        raise RejectedError("cut off: the file ends within its header")
    begin, size, _, rate, channels = struct.unpack_from(f"{order}5I", data, 4)
    if size == _AU_OPEN:
        return Extent((Stream(0, len(data)),), data)
    if begin + size > len(data):
        raise RejectedError(_missing("sound", begin + size - len(data)))
    if not size:
        _require_finished(data, begin)
    _require_last(data, begin + size)
    # Encodings differ in bytes a sample; eight bits a sample and channel is the least that counts as stated.
    return Extent((Stream(0, len(data), size / (8 * channels * rate) if channels * rate else None),), data)


def walk_caf(data: bytes) -> Extent:
    """Return the stream of a Core Audio file (Apple 2006); a data chunk of size -1 goes to the end.

    Raises:
        RejectedError: If it is cut off or another follows it.
    """
    at = 8
    while at + 12 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 12], "big", signed=True)
        if name == b"data" and size == _CAF_OPEN:
            return Extent((Stream(0, len(data)),), data)
        if size < 0 or at + 12 + size > len(data):
            raise RejectedError(_missing(name.decode("latin-1"), at + 12 + size - len(data)))
        at += 12 + size
        if name == b"data" and (data[at : at + 4] == b"caff" or (at < len(data) and at + 12 > len(data))):
            _require_last(data, at)
    return Extent((Stream(0, len(data)),), data)


def walk_w64(data: bytes) -> Extent:
    """Return the stream of a Wave64 file (Sonic Foundry): chunks with GUIDs and 64-bit sizes, header included.

    Raises:
        RejectedError: If it is cut off.
    """
    at = 40
    while at + 24 <= len(data):
        name, size = data[at : at + 16], int.from_bytes(data[at + 16 : at + 24], "little")
        if size < 24 or at + size > len(data):
            raise RejectedError(_missing(name[:4].decode("latin-1"), at + size - len(data)))
        at += size + -size % 8
        if name == _W64_DATA:
            return Extent((Stream(0, len(data)),), data)
    raise RejectedError("cut off: the file ends before its sound (no data chunk)")


def walk_nist(data: bytes) -> Extent:
    """Return the stream of a NIST SPHERE file, whose header is text.

    Raises:
        RejectedError: If it is cut off, or its header states no length.
    """
    head = data[:16].split()
    size = int(head[1]) if len(head) > 1 and head[1].isdigit() else 0
    fields = {match[1]: match[2] for match in _NIST.finditer(data[:size])}
    numbers = [fields.get(name, b"") for name in (b"sample_count", b"channel_count", b"sample_n_bytes", b"sample_rate")]
    if not all(number.isdigit() for number in numbers):
        raise RejectedError("not a recording: the NIST header states no length of its sound")
    count, channels, width, rate = (int(number) for number in numbers)
    if fields.get(b"sample_coding", b"pcm").lower() in (b"pcm", b"ulaw", b"mu-law", b"alaw"):
        missing = size + count * channels * width - len(data)
        if missing > 0:
            raise RejectedError(_missing("sound", missing))
        _require_last(data, len(data) + missing)
    return Extent((Stream(0, len(data), count / rate if rate else None),), data)


def _require_finished(data: bytes, begin: int) -> None:
    if begin and len(data) - begin > _SLACK + 8:
        raise RejectedError(f"never finished: its header states no length, though {len(data) - begin} bytes follow")
    raise RejectedError("the recording has no sound")


def _require_last(data: bytes, at: int) -> None:
    """Refuse what follows the sound and is no tag or padding."""
    end = end_of_sound(data, min(at, len(data)))
    if end - at > _SLACK and not is_padding(data, at, end):
        raise RejectedError(f"{end - at} bytes follow the sound that its header does not count")


def _missing(what: str, count: int) -> str:
    return f"cut off: {count} bytes of {what!r} are missing"


def _extended(ten: bytes) -> float:
    """Return an 80-bit IEEE 754 extended number, as AIFF states rates."""
    exponent, mantissa = struct.unpack(">HQ", ten)
    power = (exponent & 0x7FFF) - 16383 - 63
    return 0.0 if exponent & 0x8000 or not -200 < power < 200 else mantissa * 2.0**power
