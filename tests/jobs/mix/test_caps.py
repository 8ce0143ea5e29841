"""Caps of lines, by DuckDB; test_flows.py draws on both engines."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.mix.caps import choose_at_most
from jobs.mix.cells import Cell
from jobs.mix.quota import Line
from tests.jobs.mix.drawn import LEGAL, MANUALS, draw, drawn, stage

EVERY = Cell("text", "en", "*")


def largest(mixture: pa.Table, stage_name: str, name: str) -> int:
    """Tokens of the document or source of a stage that has most of them, all epochs together."""
    rows = mixture.filter(pa.compute.field("stage") == stage_name)
    return max(rows.group_by(name).aggregate([("n_tokens", "sum")]).column("n_tokens_sum").to_pylist(), default=0)


@st.composite
def supplies(draw_from):
    """Sizes of samples, some of them huge, and their sources, one of which has most."""
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32)))
    count = draw_from(st.integers(40, 200))
    sizes = (rng.lognormal(5, draw_from(st.floats(0.1, 1.8)), count).astype(int) + 2).tolist()
    weights = np.array([0.7, 0.2, 0.1])
    return sizes, rng.choice(["big", "middle", "small"], count, p=weights).tolist()


@settings(max_examples=25, deadline=None)
@given(
    supply=supplies(),
    asked=st.floats(0.05, 3.0),
    epochs=st.sampled_from([1.0, 1.5, 2.0, 3.0]),
    document=st.sampled_from([0.01, 0.05, 0.2, 1.0]),
    source=st.sampled_from([0.1, 0.4, 0.6, 1.0]),
)
def test_no_document_and_no_source_exceeds_its_cap(embedded_relations, supply, asked, epochs, document, source):
    sizes, sources = supply
    target = float(round(asked * sum(sizes)))
    held = {MANUALS: sizes[::2], LEGAL: sizes[1::2]}
    line = Line(EVERY, target, epochs, max_document_share=document, max_source_share=source)
    plain = draw(embedded_relations, held, [stage("cold", Line(EVERY, target, epochs))], sources=sources)
    capped = draw(embedded_relations, held, [stage("cold", line)], sources=sources)
    assert document == 1.0 or largest(capped, "cold", "sample_id") <= document * target
    assert source == 1.0 or largest(capped, "cold", "source") <= source * target
    assert max(capped.column("epoch").to_pylist(), default=0) < epochs
    if largest(plain, "cold", "sample_id") <= document * target and largest(plain, "cold", "source") <= source * target:
        assert capped == plain


@settings(max_examples=6, deadline=None)
@given(supply=supplies(), seed=st.integers(0, 1000))
def test_a_capped_draw_knows_no_order_of_rows(embedded_relations, supply, seed):
    sizes, sources = supply
    line = Line(EVERY, sum(sizes) * 0.6, 1.0, max_document_share=0.05, max_source_share=0.4)
    order = np.random.default_rng(seed).permutation(len(sizes))
    first, again = (
        draw(embedded_relations, {MANUALS: sizes}, [stage("cold", line)], order=rows, sources=sources)
        for rows in (None, order)
    )
    assert first == again


def test_both_engines_draw_the_same_under_caps(relations, embedded_relations):
    rng = np.random.default_rng(3)
    sizes = (rng.lognormal(5, 1.3, 200).astype(int) + 2).tolist()
    sources = rng.choice(["big", "middle", "small"], 200, p=[0.7, 0.2, 0.1]).tolist()
    line = Line(EVERY, sum(sizes) * 1.2, 2.0, max_document_share=0.05, max_source_share=0.4)
    held = {MANUALS: sizes[::2], LEGAL: sizes[1::2]}
    first, again = (
        draw(engine, held, [stage("hot", line)], sources=sources) for engine in (relations, embedded_relations)
    )
    assert first.to_pylist() == again.to_pylist()
    assert max(first.column("epoch").to_pylist()) == 1


def test_what_a_capped_source_leaves_others_fill(embedded_relations):
    sources = ["big"] * 900 + ["small"] * 100
    line = Line(EVERY, 10_000.0, 1.0, max_source_share=0.6)
    mixture = draw(embedded_relations, {MANUALS: [100] * 1000}, [stage("cold", line)], sources=sources)
    assert drawn(mixture, "cold", "text/en/*") == 10_000
    assert largest(mixture, "cold", "source") == 6_000


def test_what_caps_leave_open_is_the_lines_shortfall(embedded_relations):
    line = Line(EVERY, 10_000.0, 1.0, max_document_share=0.5, max_source_share=0.25)
    mixture = draw(
        embedded_relations, {MANUALS: [100] * 200 + [6_000]}, [stage("cold", line)], sources=["one"] * 200 + ["two"]
    )
    assert drawn(mixture, "cold", "text/en/*") == 2_500


def test_a_document_that_is_too_large_gives_way_to_others(embedded_relations):
    sizes = [64_000] + [100] * 1000
    (cap, none) = (Line(EVERY, 160_000.0, 1.0, max_document_share=share) for share in (0.05, 1.0))
    assert largest(draw(embedded_relations, {MANUALS: sizes}, [stage("hot", none)]), "hot", "sample_id") == 64_000
    mixture = draw(embedded_relations, {MANUALS: sizes}, [stage("hot", cap)])
    assert largest(mixture, "hot", "sample_id") == 100
    assert drawn(mixture, "hot", "text/en/*") == 100_000


def test_a_cap_of_one_line_leaves_another_as_it_is(embedded_relations):
    sizes = {MANUALS: [5_000] + [50] * 400, LEGAL: [70] * 300}
    legal = Line(LEGAL, 9_000.0, 1.0)
    plain, capped = (
        draw(embedded_relations, sizes, [stage("hot", legal, Line(MANUALS, 20_000.0, 1.0, max_document_share=share))])
        for share in (1.0, 0.1)
    )
    of_legal = pa.compute.field("cell") == str(LEGAL)
    names = ["sample_id", "epoch"]
    assert plain.filter(of_legal).select(names) == capped.filter(of_legal).select(names)
    assert plain.select(names) != capped.select(names)


@given(
    sizes=st.lists(st.integers(1, 1000), min_size=1, max_size=60),
    taken=st.integers(0, 60),
    needed=st.integers(0, 20_000),
)
def test_what_is_chosen_is_never_more_than_needed(sizes, taken, needed):
    before = np.arange(len(sizes)) < taken
    chosen = choose_at_most(np.array(sizes, np.int64), before, needed, max(needed, 1))
    assert int(np.array(sizes)[chosen].sum()) <= needed


@pytest.mark.parametrize("share", ["0", "1.5", "-1"])
def test_a_share_is_above_nothing_and_no_more_than_all(tmp_path, share):
    from jobs.mix.quota import load_quota
    from lakehouse.errors import ConfigError

    path = tmp_path / "quota.yaml"
    path.write_text(
        f"tokens: 10\nstages: {{a: {{share: 1.0, cells: {{text/en/*: {{share: 1.0, max_source_share: {share}}}}}}}}}\n"
    )
    with pytest.raises(ConfigError, match="max_source_share is"):
        load_quota(path)


def test_a_line_has_its_own_share_or_its_stages_or_the_files(tmp_path):
    from jobs.mix.quota import load_quota

    path = tmp_path / "quota.yaml"
    path.write_text("""\
tokens: 10
defaults: {max_document_share: 0.1}
stages:
  a: {share: 0.5, max_source_share: 0.5, cells: {text/en/*: 0.5, text/zh/*: {share: 0.5, max_document_share: 0.2}}}
  b: {share: 0.5, max_document_share: 0.3, cells: {text/en/*: 1.0}}
""")
    shares = [(x.max_document_share, x.max_source_share) for s in load_quota(path).stages for x in s.lines]
    assert shares == [(0.1, 0.5), (0.2, 0.5), (0.3, 1.0)]
