from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.recordings.flac import crc8, crc16


def by_bits(data: bytes, polynomial: int, bits: int) -> int:
    """RFC 9639, 9.1.8 and 9.3: most significant bit first, start 0."""
    found = 0
    for byte in data:
        found ^= byte << (bits - 8)
        for _ in range(8):
            top = found >> (bits - 1)
            found = (found << 1 ^ polynomial * top) & ((1 << bits) - 1)
    return found


@given(st.binary(max_size=200))
def test_checksums_are_those_of_the_standard(data: bytes) -> None:
    assert crc8(data) == by_bits(data, 0x07, 8)
    assert crc16(data) == by_bits(data, 0x8005, 16)
    assert crc16(data + crc16(data).to_bytes(2)) == 0
