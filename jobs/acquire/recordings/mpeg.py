"""MPEG audio (MP3 and its elder layers): frames one after the other, counted against what the header states.

ISO 11172-3 and 13818-3 for frames; the Xing, Info and VBRI headers that encoders put into the first frame state
how many follow. A decoder that believes them stops there, so joined files are cut at each such header.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.recordings.extent import Extent, Stream
from jobs.acquire.recordings.tags import end_of_sound, id3v2_size

_HEADER = 4
_VBRI_AT = 36
# Bit rates in kbit/s by (MPEG 1, layer).
_RATES: dict[tuple[bool, int], tuple[int, ...]] = {
    (True, 1): (0, *range(32, 449, 32)),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = (44100, 48000, 32000)
# What a frame adds beyond the sound: the decoder's delay, and a first frame that has nothing to build on.
_SPARE_FRAMES = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame's header.

    Args:
        at: Its first byte.
        size: Its bytes.
        samples: Samples of a channel.
        rate: Sample rate.
        kind: What may not change within a stream: MPEG version, layer, rate, mono or not.
        stated: Frames that a Xing, Info or VBRI header in it announces, 0 where it is silent; None where it is sound.
        gapless: Samples before and after the sound that the header says are not of it.
    """

    at: int
    size: int
    samples: int
    rate: int
    kind: tuple[int, int, int, bool]
    stated: int | None = None
    gapless: int = 0


def begins(data: bytes) -> bool:
    """Whether a file is MPEG audio: an ID3 tag or two frames on end."""
    at = id3v2_size(data, 0)
    first = _frame(data, at)
    return first is not None and (at > 0 or _frame(data, first.at + first.size) is not None)


def walk(data: bytes) -> Extent:
    """Return the streams of an MP3 file; joined files are several.

    Raises:
        RejectedError: If it is cut off, holds anything between its frames, or fewer than it states.
    """
    streams: list[list[Frame]] = []
    begins_at: list[int] = []
    for tag_at, frame in _frames(data):
        fresh = not streams or tag_at < frame.at or frame.stated is not None or _is_full(streams[-1])
        if not fresh and frame.kind != streams[-1][-1].kind:
            raise RejectedError(f"the format of the sound changes at byte {frame.at}")
        if fresh:
            streams.append([])
            begins_at.append(tag_at)
        streams[-1].append(frame)
    if not streams:
        raise RejectedError("not a recording: no frame of MPEG audio is in it")
    ends = [frames[-1].at + frames[-1].size for frames in streams]
    return Extent(tuple(_stream(*one) for one in zip(streams, begins_at, ends, strict=True)), data)


def _is_full(frames: list[Frame]) -> bool:
    return bool(frames[0].stated) and len(frames) - 1 >= (frames[0].stated or 0)


def _frames(data: bytes) -> Iterator[tuple[int, Frame]]:
    """Yield each frame, and where the tag before it begins, which is its own place where there is none."""
    end, at = end_of_sound(data), 0
    while at < end:
        tag = at
        while size := id3v2_size(data, at):
            at += size
        if at >= end:
            if at > len(data):
                raise RejectedError("cut off: the file ends within its ID3 tag")
            return
        frame = _frame(data, at)
        if frame is None:
            raise RejectedError(_garbage(data, at, end))
        if at + frame.size > end:
            raise RejectedError(f"cut off: {at + frame.size - end} bytes of the last frame are missing")
        yield tag, frame
        at += frame.size


def _garbage(data: bytes, at: int, end: int) -> str:
    for later in range(at + 1, min(at + 65536, end)):
        frame = _frame(data, later)
        if frame is not None and _frame(data, later + frame.size) is not None:
            return f"damaged: {later - at} bytes at byte {at} are no frame of sound"
    return f"cut off or damaged: from byte {at} on, {end - at} bytes are no frames of sound"


def _frame(data: bytes, at: int) -> Frame | None:
    head = data[at : at + _HEADER]
    if len(head) < _HEADER or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    code, rate_code = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or rate_code == 3 or code in (0, 15):  # 0: a bit rate of its own, of any size
        return None
    is_first, padding, is_mono = version == 3, head[2] >> 1 & 1, head[3] >> 6 == 3
    rate = _SAMPLE_RATES[rate_code] >> {3: 0, 2: 1, 0: 2}[version]
    kbits = _RATES[is_first, layer][code]
    if layer == 1:
        size, samples = (12_000 * kbits // rate + padding) * 4, 384
    else:
        samples = 576 if layer == 3 and not is_first else 1152
        size = samples // 8 * 1000 * kbits // rate + padding
    kind = (version, layer, rate, is_mono)
    if size <= _HEADER:
        return None
    stated, gapless = _announced(data[at : at + size], is_first, is_mono, head[1] & 1 == 0) if layer == 3 else (None, 0)
    return Frame(at, size, samples, rate, kind, stated, gapless)


def _announced(frame: bytes, is_first: bool, is_mono: bool, has_crc: bool) -> tuple[int | None, int]:
    side = (17 if is_mono else 32) if is_first else (9 if is_mono else 17)
    for at in {_HEADER + side, _HEADER + side + 2 * has_crc}:
        if frame[at : at + 4] in (b"Xing", b"Info"):
            flags = int.from_bytes(frame[at + 4 : at + 8])
            stated = int.from_bytes(frame[at + 8 : at + 12]) if flags & 1 else 0
            lame = at + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
            gaps = frame[lame + 21 : lame + 24] if frame[lame : lame + 4] in (b"LAME", b"Lavf", b"Lavc") else b"\0\0\0"
            packed = int.from_bytes(gaps)
            return stated, (packed >> 12) + (packed & 0xFFF)
    if frame[_VBRI_AT : _VBRI_AT + 4] == b"VBRI":
        return int.from_bytes(frame[_VBRI_AT + 14 : _VBRI_AT + 18]), 0
    return None, 0


def _stream(frames: list[Frame], begin: int, end: int) -> Stream:
    first = frames[0]
    sounding = len(frames) - (first.stated is not None)
    # Some encoders count the frame that states it.
    if first.stated and sounding < first.stated - 1:
        raise RejectedError(f"cut off: {sounding} of {first.stated} frames of sound are there")
    samples = max(0, (sounding - _SPARE_FRAMES) * first.samples - first.gapless)
    return Stream(begin, end, samples / first.rate)
