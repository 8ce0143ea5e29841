from __future__ import annotations

from jobs.score.language_models import WIDE
from jobs.score.train_languages import articles, label_of

PAGE = """<!doctype html><html lang="yue"><body><h1>世界人權宣言同佢嘅序言都喺呢度寫住喇各位</h1>
<article data-number="1"><p>人人生而自由,喺尊嚴同埋權利上一律平等嘅人嚟㗎喇,係咪呀。</p></article></body></html>"""


def test_a_page_gives_its_label_and_its_articles():
    assert label_of(PAGE).startswith("yue-Han")
    assert [number for number, _ in articles(PAGE)] == [0, 1]


def test_the_error_on_what_was_held_out_is_stated_of_every_label():
    first, *rows, last = WIDE.with_suffix(".tsv").read_text("utf-8").splitlines()
    assert first.split("\t") == ["label", "passages", "held_out", "wrong", "taken_for"]
    assert len(rows) >= 250
    _, _, held, wrong, _ = last.split("\t")
    assert int(wrong) < 0.06 * int(held)
