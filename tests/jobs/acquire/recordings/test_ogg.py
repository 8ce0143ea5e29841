from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.recordings.ogg import crc


def by_bits(data: bytes) -> int:
    """RFC 3533, 6: polynomial 0x04C11DB7, most significant bit first, start and end 0."""
    found = 0
    for byte in data:
        found ^= byte << 24
        for _ in range(8):
            found = (found << 1 ^ (0x04C11DB7 if found & 0x80000000 else 0)) & 0xFFFFFFFF
    return found


@given(st.binary(max_size=200))
def test_the_checksum_is_that_of_the_standard(data: bytes) -> None:
    assert crc(data) == by_bits(data)
