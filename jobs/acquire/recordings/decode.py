"""Decode a recording whole, within bounds, and compare what comes out with what its container states."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.recordings import chunked, flac, mpeg, ogg, riff
from jobs.acquire.recordings.extent import Extent, Stream
from jobs.acquire.recordings.tags import id3v2_size

_MOST_CHANNELS, _MOST_RATE = 64, 768_000
# Values of all channels that one recording may hold: 256 MiB as float32.
_MOST_VALUES = 1 << 26
_BLOCK_SECONDS = 4
_BY_MAGIC: dict[bytes, Callable[[bytes], Extent]] = {
    ogg.MAGIC: ogg.walk,
    flac.MAGIC: flac.walk,
    b".snd": chunked.walk_au,
    b"dns.": chunked.walk_au,
    b"caff": chunked.walk_caf,
    b"NIST": chunked.walk_nist,
}


@dataclass(frozen=True, slots=True)
class Properties:
    """What a recording was found to be, decoded to its end.

    Args:
        format: Container and codec as libsndfile names them.
        rate: Samples a second.
        channels: Channels.
        samples: Samples of a channel.
        declared: Length that the container states, in seconds; None where it leaves it open.
        streams: Streams on end in the file.
    """

    format: str
    rate: int
    channels: int
    samples: int
    declared: float | None
    streams: int


def inspect(data: bytes, longest: float) -> Properties:
    """Decode a recording to its end, block by block, and check it against its container.

    Args:
        data: The file.
        longest: Length above which it is refused, in seconds.

    Raises:
        RejectedError: If it is cut off, damaged, too long, too large, or libsndfile does not read it.
    """
    extent = walk(data)
    if extent.seconds is not None and extent.seconds > longest:
        raise RejectedError(f"{extent.seconds:.1f} s, longer than {longest:g} s")
    form, count, first = "", 0, None
    for stream in extent.streams:
        with _opened(extent, stream) as sound:
            form = form or f"{sound.format}/{sound.subtype}"
            first = _same(first, (sound.samplerate, sound.channels))
            count += _verified(sound, stream, int(longest * sound.samplerate) - count)
            if count > longest * sound.samplerate:
                raise RejectedError(f"longer than {longest:g} s")
    if first is None or not count:
        raise RejectedError("the recording has no sound")
    return Properties(form, *first, count, extent.seconds, len(extent.streams))


def samples(data: bytes, longest: float) -> tuple[np.ndarray, int]:
    """Return float32 [n, channels] and the sample rate of a recording, its streams on end.

    Args:
        data: The file.
        longest: Seconds to read at most; one sample more tells that there is more.

    Raises:
        RejectedError: As `inspect` does.
    """
    extent = walk(data)
    blocks: list[np.ndarray] = []
    first = None
    for stream in extent.streams:
        with _opened(extent, stream) as sound:
            first = _same(first, (sound.samplerate, sound.channels))
            left = int(longest * sound.samplerate) + 1 - sum(map(len, blocks))
            blocks += _blocks(sound, left, "float32")
    rate, channels = first or (0, 0)
    return np.concatenate([np.empty((0, channels), np.float32), *blocks]), rate


def walk(data: bytes) -> Extent:
    """Return the streams that a recording's container holds.

    Raises:
        RejectedError: If it is no recording of a format whose length can be checked, is cut off or damaged.
    """
    if not data:
        raise RejectedError("the file is empty")
    with guarded("damaged"):
        return _walker(data)(data)


def _walker(data: bytes) -> Callable[[bytes], Extent]:
    begin = id3v2_size(data, 0)
    known = _BY_MAGIC.get(data[begin : begin + 4])
    form = data[8:12]
    if known is None and data[:4] in riff.MAGICS and form == b"WAVE":
        known = riff.walk
    elif known is None and data[:4] == b"FORM" and form in (b"AIFF", b"AIFC"):
        known = chunked.walk_aiff
    elif known is None and data.startswith(chunked.W64_MAGIC):
        known = chunked.walk_w64
    elif known is None and mpeg.begins(data):
        known = mpeg.walk
    if known is not None:
        return known
    if data[4:8] == b"ftyp":
        raise RejectedError("MPEG-4 (M4A), which libsndfile does not read: convert it to FLAC, WAV, Ogg or MP3")
    raise RejectedError("not a recording: neither WAV, AIFF, AU, CAF, Wave64, NIST, FLAC, Ogg nor MP3")


class _Opened:
    """A stream opened by libsndfile, whose errors become reasons."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._sound: Any = None

    def __enter__(self) -> Any:
        import soundfile

        with guarded("not a recording"):
            self._sound = soundfile.SoundFile(io.BytesIO(self._data))
        sound = self._sound
        if not 0 < sound.channels <= _MOST_CHANNELS or not 0 < sound.samplerate <= _MOST_RATE:
            sound.close()
            raise RejectedError(f"{sound.channels} channels at {sound.samplerate} Hz")
        return sound

    def __exit__(self, *_: object) -> None:
        self._sound.close()


def _opened(extent: Extent, stream: Stream) -> _Opened:
    return _Opened(extent.data[stream.begin : stream.end])


def _same(known: tuple[int, int] | None, found: tuple[int, int]) -> tuple[int, int]:
    if known is not None and known != found:
        raise RejectedError(
            f"several streams of unlike sound: {known[1]} channels at {known[0]} Hz, then {found[1]} at {found[0]} Hz"
        )
    return found


def _blocks(sound: Any, most: int, dtype: str) -> Iterator[np.ndarray]:
    """Yield a stream's samples, at most so many of a channel."""
    size = min(_BLOCK_SECONDS * sound.samplerate, _MOST_VALUES // sound.channels)
    left = min(most, _MOST_VALUES // sound.channels + 1)
    while left > 0:
        with guarded("damaged"):
            block = sound.read(min(size, left), dtype=dtype, always_2d=True)
        if not len(block):
            return
        left -= len(block)
        yield block
    if most > _MOST_VALUES // sound.channels:
        raise RejectedError(f"more than {_MOST_VALUES} values in {sound.channels} channels")


def _verified(sound: Any, stream: Stream, left: int) -> int:
    """Decode a stream to its end, or past what is left of the longest, and return its samples of a channel."""
    digest = hashlib.md5(usedforsecurity=False)
    bits = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}.get(sound.subtype, 0) if stream.md5 else 0
    count = 0
    for block in _blocks(sound, max(left, 0) + 1, "int32" if bits else "float32"):
        count += len(block)
        if bits:
            # Samples stand in the high bits; the digest is of the low bytes, little-endian.
            low = np.ascontiguousarray(block >> (32 - bits)).view(np.uint8).reshape(*block.shape, 4)
            digest.update(low[..., : bits // 8].tobytes())
    if count > left:
        return count
    if stream.samples is not None and count < stream.samples:
        raise RejectedError(f"cut off or damaged: {count} of {stream.samples} samples a channel could be decoded")
    if stream.seconds is not None and count / sound.samplerate < stream.seconds - 1.5 / sound.samplerate:
        raise RejectedError(
            f"cut off or damaged: {count / sound.samplerate:.2f} of {stream.seconds:.2f} s could be decoded"
        )
    if bits and digest.digest() != stream.md5:
        raise RejectedError("damaged: the sound is not the one whose MD5 its header states")
    return count
