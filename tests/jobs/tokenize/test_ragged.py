from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jobs.tokenize.ragged import Ragged, join

rows = st.lists(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=3, max_size=3), max_size=8)


def ragged(lists: list[list[int]]) -> Ragged:
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return Ragged(np.array([v for part in lists for v in part], np.int32), offsets)


@given(rows=rows)
def test_rows_are_joined_part_by_part(rows):
    joined = join([ragged([row[part] for row in rows]) for part in range(3)])
    parts = [joined.values[a:b].tolist() for a, b in zip(joined.offsets, joined.offsets[1:], strict=False)]
    assert parts == [row[0] + row[1] + row[2] for row in rows]


def test_bytes_are_little_endian_int32():
    joined = join([Ragged.column(np.array([1, 2], np.int32)), Ragged.repeat(7, np.array([0, 2]))])
    assert [np.frombuffer(value, "<i4").tolist() for value in joined.binary().to_pylist()] == [[1], [2, 7, 7]]
