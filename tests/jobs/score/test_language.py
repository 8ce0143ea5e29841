from __future__ import annotations

import fasttext
import pyarrow as pa
import pytest

from jobs.score import language_models
from jobs.score.language import Models, languages


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


ARTICLE = {
    "en": "All human beings are born free and equal in dignity and rights, and they are endowed with reason. ",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y dotados como están de razón. ",
    "pap": "Tur ser humano ta nace liber y igual den dignidad y derecho. Nan ta dota cu rason y cu consenshi. ",
}


class Lid:
    """Gives a fixed answer for every text, and has the labels of lid.176 that tests need."""

    labels = ("__label__en", "__label__es", "__label__zh", "__label__yue", "__label__my", "__label__sr", "__label__ru")

    def __init__(self, *answers):
        self.answers = answers

    def predict(self, texts, k):
        labels = [f"__label__{name}" for name, _ in self.answers]
        return [labels] * len(texts), [[chance for _, chance in self.answers]] * len(texts)


def found(monkeypatch, text, hint, *answers):
    """What is made of a text where lid.176 gives these answers; the wide model is the one that comes along."""
    real = language_models.load
    monkeypatch.setattr(language_models, "load", lambda path: Lid(*answers) if path == "lid" else real(path))
    language_models._languages.cache_clear()
    out = languages(pa.array([text]), pa.array([hint], pa.string()), Models("lid"))
    language_models._languages.cache_clear()
    return out.language[0].as_py(), float(out.score[0])


def labelled(text, model, hint=None):
    out = languages(pa.array([text]), pa.array([hint], pa.string()), Models(str(model)))
    return out.language[0].as_py(), float(out.score[0]), out.script[0].as_py()


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
        ("འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས་དང༌། ཐོབ་ཐངགི་རང་དབང་འདྲ་མཉམ་དུ་ཡོད་ལ།", "bo", "Tibt"),
        ("ꆈꌠꉙꂷ", "ii", "Yiii"),
        ("Το σπίτι στον λόφο", "el", "Grek"),
        ("1234 — !!", "und", "Zyyy"),
        ("", "und", "Zyyy"),
    ],
)
def test_language_and_script(model, text, wanted, script):
    tag, score, code = labelled(text, model)
    assert (tag, code) == (wanted, script)
    assert 0 <= score <= 1


def test_a_foreign_heading_does_not_decide_and_the_shares_state_it(model):
    text = "la maison est sur une colline\n" * 8 + "\n" + "the house is on the hill with that old book\n" * 40
    out = languages(pa.array([text]), pa.nulls(1, pa.string()), Models(str(model)))
    assert out.language.to_pylist() == ["en"]
    (shares,) = out.shares.to_pylist()
    assert [share["language"] for share in shares] == ["en", "fr"]
    assert sum(share["share"] for share in shares) == pytest.approx(1)
    assert 0.05 < shares[1]["share"] < 0.25


def test_capitals_are_read_like_small_letters(model):
    assert labelled("THE HOUSE ON THE HILL WITH THAT OLD BOOK", model)[0] == "en"


def test_chinese_is_not_taken_for_wu_and_for_cantonese_only_where_sure(monkeypatch):
    assert found(monkeypatch, "长江后浪推前浪", None, ("wuu", 0.9))[0] == "zh"
    assert found(monkeypatch, "佢哋喺度", None, ("yue", 0.6))[0] == "zh"
    assert found(monkeypatch, "佢哋喺度做緊嘢", None, ("yue", 0.95))[0] == "yue"


def test_the_confidence_of_han_alone_is_the_larger_of_the_models_and_its_share(monkeypatch):
    assert found(monkeypatch, "过早优化乃万恶之源。", None, ("zh", 0.2)) == ("zh", 1.0)


@pytest.mark.parametrize(
    ("hint", "wanted"),
    [
        ("zh-CN", "zh-CN"),  # says the same more exactly
        ("gan", "gan"),  # a member of the macrolanguage
        ("cmn_hans", "zh-Hans"),
        ("zh-TW", "zh-Hans"),  # but the characters are the simplified ones
        ("en", "zh"),  # not written so
        ("und", "zh"),
    ],
)
def test_a_hint_of_chinese_keeps_what_it_says_more_exactly(monkeypatch, hint, wanted):
    assert found(monkeypatch, "这是一个数据库，我们来说说它。", hint, ("zh", 0.9))[0] == wanted


def test_a_hint_that_the_model_cannot_say_stands_unless_the_wide_one_hears_the_other_language(monkeypatch):
    assert found(monkeypatch, ARTICLE["pap"] * 4, "pap", ("es", 0.7))[0] == "pap"
    assert found(monkeypatch, ARTICLE["es"] * 4, "pap", ("es", 0.9))[0] == "es"
    # Neither model knows it: nothing speaks against the hint.
    assert found(monkeypatch, ARTICLE["es"] * 4, "chf", ("es", 0.9))[0] == "chf"


def test_a_hint_that_the_model_can_say_is_overruled_where_it_is_sure(monkeypatch):
    assert found(monkeypatch, ARTICLE["en"] * 4, "es", ("en", 0.9))[0] == "en"
    assert found(monkeypatch, ARTICLE["en"] * 4, "es", ("en", 0.4))[0] == "es"


@pytest.mark.parametrize(("hint", "wanted"), [("my", "my"), ("rki", "rki"), ("fr", "my"), (None, "my")])
def test_a_script_of_several_languages_leaves_a_hint_that_is_written_so(monkeypatch, hint, wanted):
    burmese = "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် လည်းကောင်း၊ တူညီလွတ်လပ်သော အခွင့်အရေးများဖြင့် လည်းကောင်း၊ မွေးဖွားလာသူများ ဖြစ်သည်။"
    tag, score = found(monkeypatch, burmese, hint, ("my", 1.0))
    assert tag == wanted
    assert score >= 0.5


def test_a_script_of_one_language_overrules_any_hint(monkeypatch):
    assert found(monkeypatch, "ދިވެހި ބަހުން ލިޔެފައިވާ", "en", ("en", 0.9)) == ("dv", 1.0)


def test_a_model_says_only_languages_of_the_script(monkeypatch):
    assert found(monkeypatch, "Привет всем читателям", None, ("en", 0.6), ("ru", 0.3)) == (
        "ru",
        pytest.approx(0.3, abs=0.7),
    )


def test_a_hint_with_the_wrong_script_gets_the_right_one(monkeypatch):
    assert found(monkeypatch, "Sva ljudska bića rađaju se slobodna", "sr-Cyrl", ("sr", 0.9))[0] == "sr-Latn"


def test_korean_with_chinese_characters_is_korean(monkeypatch):
    assert found(monkeypatch, "大韓民國의 主權은 國民에게 있고", None, ("zh", 0.9))[0] == "ko"


def test_rows_keep_their_order(model):
    rows = ["the house", "数据库", "la maison", "", "the hill"]
    out = languages(pa.array(rows), pa.nulls(5, pa.string()), Models(str(model)))
    assert out.language.to_pylist() == ["en", "zh", "fr", "und", "en"]
