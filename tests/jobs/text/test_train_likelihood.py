from __future__ import annotations

import collections

import pytest

pytest.importorskip("msgpack")
from jobs.text import likelihood, train_likelihood


def test_a_model_of_counted_pairs_prefers_what_was_counted(tmp_path, monkeypatch):
    counted = {tag: collections.Counter() for tag in ("en", "de", "zh-Hant")}
    train_likelihood._count("the quick brown fox jumps over the lazy dog. " * 200, counted["en"])
    train_likelihood._count("die Bäume blühen früh über der Höhe. " * 200, counted["de"])
    train_likelihood._count("孩子們坐在老樹下看書。" * 200, counted["zh-Hant"])
    pooled = sum(counted.values(), collections.Counter())
    path = tmp_path / "model.npz"
    for module in (train_likelihood, likelihood):
        monkeypatch.setattr(module, "MODEL", path)
    train_likelihood._write(counted, pooled, {"樹": 1.0})
    likelihood._model.cache_clear()
    try:
        assert likelihood.languages() == ("en", "de", "zh-Hant", "und")
        assert likelihood.languages()[int(likelihood.likelihood("die Bäume blühen").nats.argmax())] == "de"
        assert likelihood.languages()[int(likelihood.likelihood("孩子們").nats.argmax())] == "zh-Hant"
    finally:
        likelihood._model.cache_clear()


def test_serbian_words_are_written_in_cyrillic():
    assert train_likelihood._in_cyrillic("ljubav džep") == "љубав џеп"


def test_packages_that_are_missing_are_named_before_anything_is_written(tmp_path):
    (tmp_path / "libreoffice-help-de").mkdir()
    missing = train_likelihood.missing_packages(tmp_path)
    assert missing[:2] == ["wordfreq", "django"]
    assert "libreoffice-help-fr" in missing
    assert "libreoffice-help-de" not in missing
    with pytest.raises(SystemExit, match="lacks wordfreq, django, libreoffice-help-ca"):
        train_likelihood.main(tmp_path)
