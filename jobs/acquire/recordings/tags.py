"""Tags that players put before and after sound: ID3, APE, Lyrics3, zero bytes."""

from __future__ import annotations

_ID3_HEADER, _ID3V1, _APE_FOOTER = 10, 128, 32
_LYRICS_END = b"LYRICS200"


def id3v2_size(data: bytes, at: int) -> int:
    """Return the bytes of an ID3v2 tag at a position (its footer included), 0 where there is none.

    ID3v2.4.0, 3.1: a version without 0xFF, flags, and a size of four bytes below 128.
    """
    head = data[at : at + _ID3_HEADER]
    if len(head) < _ID3_HEADER or not head.startswith(b"ID3") or 0xFF in head[3:5] or max(head[6:10]) > 0x7F:
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return _ID3_HEADER + size + (_ID3_HEADER if head[5] & 0x10 else 0)


def end_of_sound(data: bytes, begin: int = 0) -> int:
    """Return where the sound ends before zero bytes, ID3v1, Lyrics3v2 and APEv2 tags at a file's end."""
    end = len(data)
    while True:
        before = end
        if data[max(begin, end - _ID3V1) : end].startswith(b"TAG") and end - begin >= _ID3V1:
            end -= _ID3V1
        foot = data[max(begin, end - _APE_FOOTER) : end]
        if foot.startswith(b"APETAGEX") and len(foot) == _APE_FOOTER:
            # The size at byte 12 counts items and footer; bit 31 of the flags at byte 20 says that a header precedes.
            size = int.from_bytes(foot[12:16], "little") + (_APE_FOOTER if foot[23] & 0x80 else 0)
            end = max(begin, end - size)
        if data[max(begin, end - len(_LYRICS_END)) : end] == _LYRICS_END:
            digits = data[end - len(_LYRICS_END) - 6 : end - len(_LYRICS_END)]
            end = max(begin, end - len(_LYRICS_END) - 6 - int(digits)) if digits.isdigit() else end
        if end == before:
            return end


def is_padding(data: bytes, begin: int, end: int) -> bool:
    """Whether a range holds nothing but zero bytes."""
    return data.count(0, begin, end) == end - begin
