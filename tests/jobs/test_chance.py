from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.chance import evaluate, keyed, threshold


def test_a_hash_is_of_seed_purpose_and_id():
    found = evaluate(pa.table({"id": ["abc"]}), keyed(7, "draw", "id", "duckdb"))
    assert found.to_pylist() == [hashlib.sha256(b"7:draw:abc").hexdigest()]


def test_rows_keep_their_order():
    ids = [str(i) for i in range(5000)]
    assert evaluate(pa.table({"id": ids}), "id").to_pylist() == ids


@given(share=st.floats(0, 1), value=st.integers(0, 2**48 - 1))
def test_a_hash_lies_below_the_threshold_as_its_number_does(share, value):
    digits = f"{value:012x}" + "0" * 52
    assert (digits < threshold(share)) == (share == 1.0 or value < int(share * 2**48))


def test_a_purpose_cannot_break_out_of_its_quotes():
    with pytest.raises(ValueError, match="quote"):
        keyed(0, "it's", "id")
