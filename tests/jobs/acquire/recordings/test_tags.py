from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.recordings.tags import end_of_sound, id3v2_size

V1 = b"TAG" + bytes(125)
APE = b"APETAGEX" + (2000).to_bytes(4, "little") + (32 + 8).to_bytes(4, "little") + bytes(16)


def test_an_id3_tag_is_told_from_text_that_begins_so() -> None:
    assert id3v2_size(b"ID3\x03\0\0\0\0\x01\x7f" + bytes(300), 0) == 10 + 255
    assert id3v2_size(b"ID3\x04\0\x10\0\0\0\x05", 0) == 10 + 5 + 10
    assert id3v2_size(b"ID3Tool\n\xff\xff", 0) == 0
    assert id3v2_size(b"ID3", 0) == 0


def test_tags_at_the_end_are_no_sound() -> None:
    sound = b"\x11" * 500
    assert end_of_sound(sound + V1) == 500
    assert end_of_sound(sound + bytes(8) + APE + V1) == 500
    assert end_of_sound(sound + b"LYRICSBEGINabc" + b"000014LYRICS200" + V1) == 500


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_have_an_end_within_them(data: bytes, begin: int) -> None:
    begin = min(begin, len(data))
    assert begin <= end_of_sound(data, begin) <= len(data)
