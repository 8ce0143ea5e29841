from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from jobs.mix.cells import Cell
from jobs.mix.stage_shares import Demand, allocate

CELL = Cell("text", "en", "manual")


def demand(stage: str, ordinal: int, target: int, epochs: float = 1.0, cell: Cell = CELL) -> Demand:
    return Demand(stage, ordinal, False, cell, target, epochs)


@given(
    targets=st.lists(st.tuples(st.integers(1, 10**7), st.floats(1, 5)), min_size=1, max_size=5),
    supply=st.integers(1, 10**7),
)
def test_ranges_cover_a_cell_once(targets, supply):
    demands = [demand(f"s{i}", i, target, epochs) for i, (target, epochs) in enumerate(targets)]
    shares = allocate(demands, {CELL: supply})
    assert shares[0].begin == 0
    assert shares[-1].end == supply
    assert all(one.end == two.begin for one, two in itertools.pairwise(shares))


def test_a_stage_that_may_repeat_takes_none_from_one_that_may_not():
    shares = allocate([demand("cold", 0, 1500), demand("hot", 1, 4500, 3.0)], {CELL: 5000})
    sizes = {share.stage: share.end - share.begin for share in shares}
    assert sizes["cold"] >= 1500
    assert sizes["hot"] >= 1500


def test_a_line_asks_its_cells_in_proportion_to_what_they_hold():
    other = Cell("text", "en", "letters")
    shares = allocate(
        [demand("cold", 0, 300, cell=Cell("text", "en", "*")), demand("hot", 1, 100)], {CELL: 1000, other: 2000}
    )
    owned = {(share.stage, share.cell): share.end - share.begin for share in shares}
    # Cold asks 100 of the manuals and 200 of the letters; hot asks 100 of the manuals.
    assert owned == {
        ("cold", str(CELL)): 500,
        ("hot", str(CELL)): 500,
        ("cold", str(other)): 2000,
    }


def test_what_no_line_covers_belongs_to_no_stage():
    assert allocate([demand("cold", 0, 10)], {Cell("code", "code", "source-code"): 100}) == []
