from __future__ import annotations

import pytest
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
    assert str(Digest(2, 255)) == f"2:{255:032x}"


@given(DIGESTS.filter(lambda digest: digest.rows), DIGESTS)
def test_of_an_older_form_only_the_rows_are_read(digest, other):
    older = Digest.parse(f"{digest.rows}-{digest.total:032x}")
    assert older.rows == digest.rows
    assert (older.comparable, digest.comparable) == (False, True)
    assert older != digest
    for use in (lambda: older + other, lambda: other - older, lambda: str(older)):
        with pytest.raises(ValueError, match="older form"):
            use()


def test_no_rows_have_the_same_digest_in_both_forms():
    assert Digest.parse(f"0-{0:032x}") == Digest.parse(f"0:{0:032x}") == Digest()
