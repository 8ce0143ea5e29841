from __future__ import annotations

import fasttext
import pyarrow as pa
import pytest

from jobs.score import language
from jobs.score.language import languages


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of English and French words, trained here; the real one comes with a package."""
    folder = tmp_path_factory.mktemp("model")
    english = [
        "the",
        "house",
        "is",
        "on",
        "the",
        "hill",
        "and",
        "we",
        "have",
        "to",
        "go",
        "there",
        "with",
        "that",
        "old",
        "book",
        "tonight",
    ]
    french = [
        "la",
        "maison",
        "est",
        "sur",
        "une",
        "colline",
        "et",
        "nous",
        "avons",
        "un",
        "vieux",
        "livre",
        "pour",
        "aller",
        "ce",
        "soir",
        "avec",
    ]
    lines = []
    for n in range(400):
        for label, words in (("en", english), ("fr", french)):
            lines.append(f"__label__{label} " + " ".join(words[(n * 7 + k * 3) % len(words)] for k in range(9)))
    (folder / "train.txt").write_text("\n".join(lines))
    trained = fasttext.train_supervised(str(folder / "train.txt"), dim=8, epoch=5, minCount=1, thread=1, verbose=0)
    trained.save_model(str(folder / "lid.bin"))
    return folder / "lid.bin"


@pytest.mark.parametrize(
    ("text", "wanted", "script"),
    [
        ("the house on the hill", "en", "Latn"),
        ("la maison sur une colline", "fr", "Latn"),
        ("这是一个数据库，我们来说说它。", "zh", "Hans"),
        ("這是一個資料庫，我們來說說它。", "zh", "Hant"),
        ("apt-get install 命令用于安装软件包和数据", "zh", "Hans"),
        ("これはデータベースの説明です。", "ja", "Jpan"),
        ("이것은 데이터베이스 설명입니다", "ko", "Kore"),
        ("བོད་ཡིག་གི་ཡི་གེ", "bo", "Tibt"),
        ("ꆈꌠꉙꂷ", "ii", "Yiii"),
        ("ᠮᠣᠩᠭᠣᠯ ᠬᠡᠯᠡ", "mn", "Mong"),
        ("Το σπίτι στον λόφο", "el", "Grek"),
        ("1234 — !!", "und", "Zyyy"),
        ("", "und", "Zyyy"),
    ],
)
def test_language_and_script(model, text, wanted, script):
    tags, scores, scripts = languages(pa.array([text]), model, 480)
    assert tags.to_pylist() == [wanted]
    assert scripts.to_pylist() == [script]
    assert 0 <= scores[0] <= 1


def test_a_foreign_heading_does_not_decide(model):
    text = "la maison est sur une colline\n" * 2 + "the house is on the hill with that old book\n" * 40
    assert languages(pa.array([text]), model, 480)[0].to_pylist() == ["en"]


def test_chinese_is_not_taken_for_wu_and_for_cantonese_only_where_sure(monkeypatch):
    class Model:
        def predict(self, heads, k):
            return [["__label__wuu"], ["__label__yue"], ["__label__yue"]], [[0.9], [0.6], [0.95]]

    monkeypatch.setattr(language, "_load", lambda path: Model())
    rows = pa.array(["长江后浪推前浪", "佢哋喺度", "佢哋喺度做緊嘢"])
    assert languages(rows, "unused", 80)[0].to_pylist() == ["zh", "zh", "yue"]


def test_rows_keep_their_order(model):
    rows = ["the house", "数据库", "la maison", "", "the hill"]
    assert languages(pa.array(rows), model, 80)[0].to_pylist() == ["en", "zh", "fr", "und", "en"]
