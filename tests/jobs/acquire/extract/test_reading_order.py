from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.extract.reading_order import Line, blocks


def lines(x, top, name, count, width=200.0):
    return [Line(f"{name}{n} and some words", x, top - 12 * n - 10, x + width, top - 12 * n) for n in range(count)]


def names(found):
    return [[line.text.split()[0] for line in block] for block in found]


def test_columns_and_what_goes_across_them():
    head = Line("head goes across the whole page", 50, 700, 500, 712)
    foot = Line("foot goes across the whole page", 50, 100, 500, 112)
    left, right = lines(50, 690, "l", 4), lines(300, 690, "r", 4)
    found = names(blocks([foot, *right, head, *left]))
    assert found == [["head"], ["l0", "l1", "l2", "l3"], ["r0", "r1", "r2", "r3"], ["foot"]]


def test_three_columns():
    found = names(blocks([*lines(350, 700, "c", 5, 130), *lines(50, 700, "a", 5, 130), *lines(200, 700, "b", 5, 130)]))
    assert [block[0] for block in found] == ["a0", "b0", "c0"]


def test_the_drawn_order_is_kept_where_it_goes_down_the_page():
    drawn = lines(50, 700, "a", 10)
    drawn[4] = Line("raised and some words", 50, 651, 250, 659)
    assert blocks(drawn) == [drawn]


def test_marks_of_a_list_are_no_column():
    marks = [Line("•", 50, 690 - 12 * n, 55, 700 - 12 * n) for n in range(6)]
    assert len(blocks([*marks, *lines(80, 700, "a", 6)])) == 1


@given(st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 2, st.floats(0, 500), st.floats(0, 50)), max_size=30))
def test_no_line_is_lost_or_doubled(boxes):
    drawn = [Line(f"{n} words", x, y, x + width, y + height) for n, (x, y, width, height) in enumerate(boxes)]
    assert sorted(line.text for block in blocks(drawn) for line in block) == sorted(line.text for line in drawn)
