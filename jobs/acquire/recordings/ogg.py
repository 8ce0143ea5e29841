"""Ogg: pages by RFC 3533, their checksums, sequence numbers and end flags; chained and multiplexed streams."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.recordings.extent import Extent, Stream

MAGIC = b"OggS"
_HEADER = struct.Struct("<4sBBqIIIB")
_CONTINUED, _BEGIN, _END = 1, 2, 4
_FULL_SEGMENT = 255
_CRC_AT = 22
# zlib's CRC-32 is that of Ogg with the bits of each byte and of the result in reverse.
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_OPUS_RATE = 48_000
# The first bytes of a stream's first packet; a stream of another sort holds no sound.
_SOUND = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Args:
        at: Its first byte in the file.
        end: One past its last byte.
        flags: Continued packet 1, beginning of stream 2, end of stream 4.
        granule: Position at the end of the last packet that ends in it; -1 where none does.
        serial: Number of its stream.
        number: Place in its stream.
        open: Whether its last packet goes on in the next page.
        body: Its first payload bytes.
    """

    at: int
    end: int
    flags: int
    granule: int
    serial: int
    number: int
    open: bool
    body: bytes = field(repr=False)


@dataclass(slots=True)
class _Logical:
    """What was seen of one logical stream."""

    first: Page
    last: Page
    granules: list[int] = field(default_factory=list)


def walk(data: bytes) -> Extent:
    """Return the streams of an Ogg file, chained ones in their order.

    Raises:
        RejectedError: If a page is cut, damaged or missing, a stream has no end, or more than one sounds at a time.
    """
    links: list[dict[int, _Logical]] = []
    for page in _pages(data):
        if page.flags & _BEGIN:
            # A stream that begins after another's end is a link of a chain; together with others, it is multiplexed.
            if not links or any(not one.last.flags & _BEGIN or one.last.flags & _END for one in links[-1].values()):
                _require_ends(links)
                links.append({})
            if page.serial in links[-1]:
                raise RejectedError(f"stream {page.serial} begins twice")
            links[-1][page.serial] = _Logical(page, page)
            continue
        stream = links[-1].get(page.serial) if links else None
        if stream is None:
            raise RejectedError(f"the page at byte {page.at} belongs to no stream that has begun")
        _follow(stream, page)
    _require_ends(links)
    if not links:
        raise RejectedError("the Ogg file holds no page")
    begins = [min(one.first.at for one in link.values()) for link in links]
    ends = [*begins[1:], len(data)]
    return Extent(tuple(_stream(*link) for link in zip(links, begins, ends, strict=True)), data)


def crc(page: bytes) -> int:
    """Return the checksum of a page whose own checksum field is zero: polynomial 0x04C11DB7, no reflection."""
    found = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{found:032b}"[::-1], 2)


def _pages(data: bytes) -> Iterator[Page]:
    at, place = 0, 0
    while at < len(data):
        if not data.startswith(MAGIC, at):
            if data.count(0, at) == len(data) - at:
                raise RejectedError(f"cut off: zeros follow page {place} at byte {at}")
            raise RejectedError(f"damaged: no page begins at byte {at}, where page {place - 1} ends")
        if at + _HEADER.size > len(data):
            raise RejectedError(f"cut off: page {place} has no whole header")
        _, version, flags, granule, serial, number, checksum, count = _HEADER.unpack_from(data, at)
        lacing = data[at + _HEADER.size : at + _HEADER.size + count]
        end = at + _HEADER.size + count + sum(lacing)
        if len(lacing) < count or end > len(data):
            raise RejectedError(f"cut off: page {place} ends {end - len(data)} bytes after the file")
        bare = data[at : at + _CRC_AT] + bytes(4) + data[at + _CRC_AT + 4 : end]
        if version or crc(bare) != checksum:
            raise RejectedError(f"damaged: the checksum of page {place} at byte {at} is wrong")
        body = data[at + _HEADER.size + count : end][:16]
        is_open = bool(lacing) and lacing[-1] == _FULL_SEGMENT
        yield Page(at, end, flags, granule, serial, number, is_open, body)
        at, place = end, place + 1


def _follow(stream: _Logical, page: Page) -> None:
    last = stream.last
    if last.flags & _END:
        raise RejectedError(f"damaged: a page at byte {page.at} follows its stream's end")
    if page.number != (last.number + 1) & 0xFFFFFFFF:
        raise RejectedError(f"damaged: page {page.number} of the stream follows page {last.number}")
    if bool(page.flags & _CONTINUED) != last.open:
        raise RejectedError(f"damaged: a packet that spans pages is broken at byte {page.at}")
    stream.last = page
    if page.granule > 0:
        if stream.granules and page.granule < stream.granules[-1]:
            raise RejectedError(f"damaged: positions go back at byte {page.at}")
        stream.granules.append(page.granule)


def _require_ends(links: list[dict[int, _Logical]]) -> None:
    if links and any(not one.last.flags & _END or one.last.open for one in links[-1].values()):
        raise RejectedError("cut off: the stream's last page, which bears the end-of-stream flag, is missing")


def _stream(link: dict[int, _Logical], begin: int, end: int) -> Stream:
    sounding = [one for one in link.values() if one.first.body.startswith(_SOUND)]
    if len(sounding) != 1:
        raise RejectedError(
            f"{len(sounding)} streams of sound at a time" if sounding else "no stream of it is sound that is known"
        )
    (found,) = sounding
    head = found.first.body
    rate = _OPUS_RATE
    if head.startswith(b"\x01vorbis"):
        rate = int.from_bytes(head[12:16], "little")
    elif not head.startswith(b"OpusHead"):
        rate = 0
    # A stream may begin at any position, so what is sure is the span between the ends of its first and last page.
    seconds = (found.granules[-1] - found.granules[0]) / rate if found.granules and rate else None
    return Stream(begin, end, seconds)
