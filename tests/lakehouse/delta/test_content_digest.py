from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.delta.content_digest import Digest

HALVES = st.integers(-(1 << 63), (1 << 63) - 1)
DIGESTS = st.builds(Digest.of, st.integers(0, 1 << 40), HALVES, HALVES)


@given(DIGESTS)
def test_a_digest_is_read_as_it_was_written(digest):
    assert Digest.parse(str(digest)) == digest


@given(DIGESTS, DIGESTS, DIGESTS)
def test_sums_do_not_depend_on_their_order_and_are_taken_back(a, b, c):
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert (a + b) - b == a


def test_no_rows_are_the_empty_text():
    assert Digest.parse("") == Digest()
    assert Digest.of(0, None, None) == Digest()
    assert str(Digest(2, 255)) == f"2-{255:032x}"
