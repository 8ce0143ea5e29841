"""What the draw keeps to, by DuckDB; test_flows.py draws on both engines."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.mix.cells import Cell
from jobs.mix.draw import DrawParams
from jobs.mix.quota import Line
from tests.jobs.mix.drawn import CODE, LEGAL, MANUALS, draw, drawn, stage


@st.composite
def many_sizes(draw_from):
    """Sizes of some hundred samples, log-normal as documents are."""
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32)))
    spread = draw_from(st.floats(0.1, 1.2))
    return [int(n) + 2 for n in rng.lognormal(5, spread, draw_from(st.integers(150, 400)))]


sizes_strategy = many_sizes()


@settings(max_examples=15, deadline=None)
@given(manuals=sizes_strategy, code=sizes_strategy, fraction=st.floats(0.3, 0.95), epochs=st.floats(1.0, 3.0))
def test_lines_meet_their_target_or_their_cap(embedded_relations, manuals, code, fraction, epochs):
    half = sum(manuals) * fraction / 2
    wanted = sum(code) * fraction * epochs
    stages = [
        stage("cold", Line(Cell("text", "*", "*"), half, 1.0), Line(Cell("code", "code", "*"), wanted, epochs)),
        stage("hot", Line(Cell("text", "en", "*"), half, 1.0)),
    ]
    mixture = draw(embedded_relations, {MANUALS: manuals, CODE: code}, stages)
    # Each stage owns half of the manuals; a document that is larger than what a half has to spare may leave one short.
    short = max(0, max(manuals) - sum(manuals) * (1 - fraction) / 2)
    for name, line, target, lack in (
        ("cold", "text/*/*", half, short),
        ("hot", "text/en/*", half, short),
        ("cold", "code/code/*", wanted, 0),
    ):
        assert abs(drawn(mixture, name, line) - target) <= 0.005 * target + 2 + lack


@settings(max_examples=10, deadline=None)
@given(manuals=sizes_strategy, epochs=st.integers(1, 3))
def test_a_short_cell_is_repeated_no_more_than_allowed(embedded_relations, manuals, epochs):
    asked = 10.0 * sum(manuals)
    mixture = draw(
        embedded_relations, {MANUALS: manuals}, [stage("hot", Line(Cell("text", "en", "*"), asked, float(epochs)))]
    )
    assert drawn(mixture, "hot", "text/en/*") == epochs * sum(manuals)
    assert mixture.num_rows == epochs * len(manuals)
    assert set(mixture.column("epoch").to_pylist()) == set(range(epochs))


def test_samples_are_repeated_only_where_supply_is_short(embedded_relations):
    mixture = draw(
        embedded_relations, {MANUALS: [100] * 500}, [stage("cold", Line(Cell("text", "en", "*"), 20_000.0, 5.0))]
    )
    assert set(mixture.column("epoch").to_pylist()) == {0}


@settings(max_examples=8, deadline=None)
@given(manuals=sizes_strategy, seed=st.integers(0, 1000))
def test_the_draw_knows_no_order_of_rows(embedded_relations, manuals, seed):
    stages = [stage("cold", Line(Cell("text", "en", "*"), sum(manuals) * 0.6, 1.0))]
    order = np.random.default_rng(seed).permutation(len(manuals))
    assert draw(embedded_relations, {MANUALS: manuals}, stages) == draw(
        embedded_relations, {MANUALS: manuals}, stages, order=order
    )


def test_stages_own_their_samples_unless_declared_shared(embedded_relations):
    sizes = {MANUALS: [100 + i for i in range(300)]}
    line = Line(Cell("text", "en", "*"), 20_000.0, 1.0)
    own = draw(embedded_relations, sizes, [stage("cold", line), stage("hot", line)])
    ids = {
        name: set(own.filter(pa.compute.field("stage") == name).column("sample_id").to_pylist())
        for name in ("cold", "hot")
    }
    assert ids["cold"]
    assert ids["hot"]
    assert not ids["cold"] & ids["hot"]
    shared = draw(
        embedded_relations, sizes, [stage("cold", line), stage("probe", Line(line.cell, 74_000.0, 1.0), shared=True)]
    )
    assert shared.group_by("sample_id").aggregate([("stage", "count")]).column("stage_count").to_pylist().count(2) > 60


def test_the_most_specific_line_takes_a_sample(embedded_relations):
    stages = [stage("hot", Line(Cell("text", "en", "legal"), 1_000.0, 1.0), Line(Cell("text", "*", "*"), 1_000.0, 1.0))]
    mixture = draw(embedded_relations, {MANUALS: [10] * 400, LEGAL: [10] * 400}, stages)
    assert drawn(mixture, "hot", "text/en/legal") == 1_000
    assert drawn(mixture, "hot", "text/*/*") == 1_000


@settings(max_examples=10, deadline=None)
@given(manuals=sizes_strategy, code=sizes_strategy)
def test_virtual_time_keeps_every_prefix_at_the_weights(embedded_relations, manuals, code):
    stages = [
        stage("cold", Line(Cell("text", "en", "*"), sum(manuals), 1.0), Line(Cell("code", "code", "*"), sum(code), 1.0))
    ]
    mixture = draw(embedded_relations, {MANUALS: manuals, CODE: code}, stages).sort_by("time")
    assert all(0 < time < 1 for time in mixture.column("time").to_pylist())
    tokens = mixture.column("n_tokens").to_numpy().astype(np.int64)
    for cell, total in (("text/en/*", sum(manuals)), ("code/code/*", sum(code))):
        mine = np.cumsum(np.where(np.array(mixture.column("cell").to_pylist()) == cell, tokens, 0))
        expected = mixture.column("time").to_numpy() * total
        # At any time a cell is at its share of it, but for the sample that is under way.
        assert np.abs(mine - expected).max() <= max(*manuals, *code)


def test_windows_hold_about_the_declared_rows(embedded_relations):
    stages = [stage("cold", Line(Cell("text", "en", "*"), 100_000.0, 1.0))]
    mixture = draw(embedded_relations, {MANUALS: [50] * 2000}, stages, DrawParams(window_rows=8))
    tokens = mixture.group_by("window").aggregate([("n_tokens", "sum")])
    assert set(tokens.column("window").to_pylist()) == set(range(12))
    assert all(abs(n - 100_000 / 12) <= 100 for n in tokens.column("n_tokens_sum").to_pylist())


def test_another_seed_draws_other_samples(embedded_relations):
    stages = [stage("cold", Line(Cell("text", "en", "*"), 5_000.0, 1.0))]
    one, two = (draw(embedded_relations, {MANUALS: [50] * 1000}, stages, DrawParams(seed=seed)) for seed in (0, 1))
    assert set(one.column("sample_id").to_pylist()) != set(two.column("sample_id").to_pylist())
