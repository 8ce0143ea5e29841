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


ANY, LEGAL = Cell("text", "en", "*"), Cell("text", "en", "legal")


def owned_by(demands: list[Demand], supply: dict[Cell, int]) -> dict[tuple[str, str], int]:
    return {(share.stage, share.cell): share.end - share.begin for share in allocate(demands, supply)}


def test_a_line_that_names_a_kind_is_served_before_lines_for_any():
    supply = {LEGAL: 32_000, CELL: 1_000_000}
    owned = owned_by([demand("cold", 0, 600_000, cell=ANY), demand("hot", 1, 30_000, cell=LEGAL)], supply)
    assert owned["hot", str(LEGAL)] >= 30_000
    assert owned["cold", str(CELL)] == 1_000_000


def test_what_is_less_than_a_named_kind_asks_for_is_its_alone_where_the_others_have_more():
    supply = {LEGAL: 9_000, CELL: 1_000_000}
    owned = owned_by([demand("cold", 0, 600_000, cell=ANY), demand("hot", 1, 30_000, 2.0, cell=LEGAL)], supply)
    assert owned == {("hot", str(LEGAL)): 9_000, ("cold", str(CELL)): 1_000_000}


def test_a_line_for_any_kind_keeps_its_part_of_the_only_cell_that_it_has():
    owned = owned_by([demand("cold", 0, 50_000, cell=ANY), demand("hot", 1, 500_000, cell=CELL)], {CELL: 100_000})
    assert owned["cold", str(CELL)] > 5_000


@given(
    legal=st.integers(1, 10**6),
    manuals=st.integers(1, 10**6),
    asked=st.lists(
        st.tuples(st.sampled_from([ANY, LEGAL, CELL]), st.integers(1, 10**6), st.floats(1, 4)), min_size=1, max_size=4
    ),
)
def test_every_requested_cell_is_covered_once_whoever_is_served_first(legal, manuals, asked):
    supply = {LEGAL: legal, CELL: manuals}
    demands = [demand(f"s{i}", i, target, epochs, cell) for i, (cell, target, epochs) in enumerate(asked)]
    shares = allocate(demands, supply)
    for cell, tokens in supply.items():
        mine = [share for share in shares if share.cell == str(cell)]
        if any(item.cell.covers(cell) for item in demands):
            assert mine[0].begin == 0
            assert mine[-1].end == tokens
            assert all(one.end == two.begin for one, two in itertools.pairwise(mine))
