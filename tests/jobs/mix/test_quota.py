from __future__ import annotations

import pytest

from jobs.mix.cells import Cell
from jobs.mix.quota import Line, load_quota, spread
from jobs.mix.quotas import QuotaParams, quota_rows
from lakehouse.errors import ConfigError
from schemas.mixture import quotas
from tests.module_text import ModuleText

BODY = ModuleText("""\
plan_tokens: 1000000
tokens: 1000
stages:
  cold:
    share: 0.8
    cells:
      text/en/*: 0.75
      code/code/*: {share: 0.25, max_epochs: 2}
  hot:
    share: 0.2
    row_length: 128
    align: 8
    cells:
      text/en/legal: 1.0
""")


def write(tmp_path, text, name="quota.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_targets_are_shares_of_their_stage(tmp_path):
    quota = load_quota(write(tmp_path, BODY))
    rows = quota_rows(quota, {}).to_pylist()
    assert [(r["stage"], r["ordinal"], r["cell"], r["target"], r["max_epochs"]) for r in rows] == [
        ("cold", 0, "text/en/*", 600, 1.0),
        ("cold", 0, "code/code/*", 200, 2.0),
        ("hot", 1, "text/en/legal", 200, 1.0),
    ]
    assert {r["stage"]: (r["row_length"], r["align"]) for r in rows} == {"cold": (4096, 1), "hot": (128, 8)}
    assert {r["scale"] for r in rows} == {1000.0}


def test_a_file_of_ones_own_adds_lines_and_stages(tmp_path):
    mine = """\
stages:
  hot: {cells: {text/en/letters: {tokens: 50, max_epochs: 3}}}
  probe: {tokens: 40, shared: true, cells: {"*/*/*": 1.0}}
"""
    quota = load_quota(write(tmp_path, BODY), [write(tmp_path, mine, "mine.yaml")])
    rows = {(r["stage"], r["cell"]): r for r in quota_rows(quota, {}).to_pylist()}
    assert rows["hot", "text/en/letters"]["target"] == 50
    assert rows["hot", "text/en/legal"]["target"] == 200
    assert rows["probe", "*/*/*"]["target"] == 40
    assert rows["probe", "*/*/*"]["shared"]


def test_the_shipped_quota_is_a_copy_of_the_plan():
    rows = quota_rows(load_quota(QuotaParams().quota), {})
    assert set(rows.column_names) == {column.name for column in quotas.columns} - {"run_id"}
    found = rows.to_pylist()
    total = sum(row["target"] for row in found)
    assert total * found[0]["scale"] == pytest.approx(30e12, rel=1e-3)
    for stage in ("cold", "mid", "hot"):
        text = {r["cell"]: r["target"] for r in found if r["stage"] == stage and r["modality"] == "text"}
        assert text["text/other/*"] / sum(text.values()) == pytest.approx(0.10, abs=1e-3)


def test_temperature_spreads_a_line_over_its_kinds():
    supply = {Cell("text", "other", "manual"): 10_000, Cell("text", "other", "legal"): 100}
    line = Line(Cell("text", "other", "*"), 1100.0, 1.0, temperature=2.0)
    assert {str(one.cell): one.target for one in spread([line], supply)} == {
        "text/other/legal": pytest.approx(100),
        "text/other/manual": pytest.approx(1000),
    }
    assert spread([line], {}) == [line]


def test_a_line_of_its_own_is_left_out_of_the_spread():
    supply = {Cell("text", "other", "manual"): 10_000, Cell("text", "other", "legal"): 100}
    legal = Line(Cell("text", "other", "legal"), 5.0, 1.0)
    rest = Line(Cell("text", "other", "*"), 1100.0, 1.0, temperature=2.0)
    assert {str(one.cell): one.target for one in spread([legal, rest], supply)} == {
        "text/other/legal": 5.0,
        "text/other/manual": pytest.approx(1100),
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("text/en/*: 0.75", "text/en: 0.75", r"quota.yaml:7: 'text/en' is not modality"),
        ("text/en/*: 0.75", "text/en/*: 0.5", r"quota.yaml:4: the cells of 'cold' add up to 0.7500"),
        ("share: 0.25,", "share: 0.25, tokens: 3,", r"quota.yaml:8: code/code/\* needs share or tokens"),
        ("share: 0.25", "share: a lot", r"quota.yaml:8: share is 'a lot'"),
        ("max_epochs: 2", "epochs: 2", r"quota.yaml:8: unknown key 'epochs'"),
        ("    share: 0.2\n", "", r"quota.yaml:9: stage 'hot' needs share or tokens"),
        ("align: 8", "align: 7", r"quota.yaml:9: row_length 128 is not a multiple of align 7"),
        ("tokens: 1000\n", "tokens: 0\n", r"quota.yaml:2: tokens is 0"),
    ],
)
def test_a_broken_quota_is_named_with_its_line(tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        load_quota(write(tmp_path, BODY.replace(old, new, 1)))


def test_one_line_twice_is_refused(tmp_path):
    mine = write(tmp_path, "stages: {cold: {cells: {text/en/*: 0.1}}}", "mine.yaml")
    with pytest.raises(ConfigError, match=r"mine.yaml:1: text/en/\* is given twice"):
        load_quota(write(tmp_path, BODY), [mine])


def test_an_empty_file_is_told_what_it_starts_with(tmp_path):
    with pytest.raises(ConfigError, match=r"mine.yaml:1: .* start it with: stages:"):
        load_quota(write(tmp_path, BODY), [write(tmp_path, "", "mine.yaml")])
