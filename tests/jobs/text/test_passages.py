from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.text.passages import passages


def cut(text, most=100, size=40):
    found, rows, weights = passages(pa.array([text]), most, size)
    assert set(rows.tolist()) <= {0}
    return found.to_pylist(), weights.tolist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab é中😀\n \t"), max_size=200), max_size=4), st.integers(4, 60))
def test_all_of_a_text_is_in_its_passages_and_none_is_longer_than_asked(rows, size):
    found, of, weights = passages(pa.array(rows, pa.string()), 1000, size)
    for row, text in enumerate(rows):
        assert "".join(part for part, of_row in zip(found.to_pylist(), of, strict=True) if of_row == row) == text
    assert all(0 < len(part.encode()) <= size for part in found.to_pylist())
    assert weights.tolist() == [len(part.encode()) for part in found.to_pylist()]


def test_short_lines_go_with_what_follows_and_a_paragraph_ends_a_passage():
    assert cut("Title\n\nof it\nand a longer line of words\nrest")[0] == [
        "Title\n\n",
        "of it\nand a longer line of words\n",
        "rest",
    ]


def test_a_long_line_is_cut_at_a_blank_and_a_text_without_blanks_between_characters():
    assert cut("four words of this line are before the end of it")[0][0] == "four words of this line are before the "
    assert cut("中" * 20)[0] == ["中" * 13, "中" * 7]


def test_of_many_passages_some_lie_evenly_and_stand_for_the_others():
    text = "".join(f"line number {n:020d} end\n" for n in range(100))
    found, weights = cut(text, most=4)
    assert [int(part.split()[2]) for part in found] == [0, 25, 50, 75]
    assert sum(weights) == len(text)
