from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.pack.plan import Lengths, plan_rows


def lengths(parts: list[list[int]], cells: list[int] | None = None) -> Lengths:
    """Samples from the lengths of their documents."""
    cell = np.array(cells or [0] * len(parts), np.int64)
    offsets = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    ends = np.concatenate([np.cumsum(part) for part in parts]).astype(np.int64)
    return Lengths(offsets, ends, cell, int(cell.max()) + 1)


samples = st.lists(st.lists(st.integers(2, 150), min_size=1, max_size=2), min_size=1, max_size=80)


@settings(max_examples=40, deadline=None)
@given(parts=samples, align=st.sampled_from([1, 2, 4, 8]))
def test_every_token_lies_in_one_row_once(parts, align):
    plan = plan_rows(lengths(parts), 64, align)
    for number, part in enumerate(parts):
        mine = np.flatnonzero(plan.sample == number)
        covered = np.zeros(sum(part), int)
        starts = set(np.cumsum([0, *part]).tolist())
        for document in mine:
            begin, end = plan.begin[document], plan.end[document]
            # A continuation repeats the last token of its predecessor, and nothing else is repeated.
            begin += begin not in starts
            covered[begin:end] += 1
        assert covered.tolist() == [1] * sum(part)


@settings(max_examples=40, deadline=None)
@given(parts=samples, align=st.sampled_from([1, 4]))
def test_documents_stand_apart_inside_their_row(parts, align):
    plan = plan_rows(lengths(parts), 64, align)
    assert (plan.place % align == 0).all()
    assert (plan.place + plan.end - plan.begin <= 64).all()
    assert sorted(set(plan.row.tolist())) == list(range(plan.rows))
    for row in range(plan.rows):
        mine = plan.row == row
        assert (plan.place[mine][1:] >= (plan.place + plan.end - plan.begin)[mine][:-1]).all()


@settings(max_examples=40, deadline=None)
@given(parts=samples)
def test_what_fits_is_never_cut_and_stays_together(parts):
    plan = plan_rows(lengths(parts), 64, 1)
    for number, part in enumerate(parts):
        mine = plan.sample == number
        if sum(part) <= 64:
            assert len(set(plan.row[mine].tolist())) == 1
            assert (plan.end - plan.begin)[mine].tolist() == part
            assert plan.whole[mine].all()
        else:
            pieces = sum(1 if n <= 64 else -(-(n - 1) // 63) for n in part)
            assert mine.sum() == pieces


def test_packing_wastes_less_than_a_hundredth():
    rng = np.random.default_rng(0)
    many = [[int(n)] for n in np.clip(rng.lognormal(6.1, 1.1, 3000), 2, 60_000)]
    plan = plan_rows(lengths(many), 4096, 1)
    assert (plan.end - plan.begin).sum() / (plan.rows * 4096) > 0.995
