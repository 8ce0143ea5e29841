from __future__ import annotations

import duckdb
import pytest

from jobs.tokenize.captions import caption_tag
from lakehouse.errors import ConfigError


def chosen(captions, languages=("zh", "en"), seed=0):
    entries = ", ".join(f"'{tag}': '{text}'" for tag, text in captions.items())
    sql = caption_tag("captions", "id", languages, seed, "duckdb")
    rows = duckdb.sql(f"SELECT {sql} FROM (SELECT MAP {{{entries}}} AS captions, 's' || i AS id FROM range(200) t(i))")
    return {tag for (tag,) in rows.fetchall()}


def test_declared_languages_come_first_each_of_them_sometimes():
    assert chosen({"de": "Hund", "en": "dog", "zh-CN": "狗", "zh-TW": "狗"}) == {"en", "zh-CN", "zh-TW"}
    assert chosen({"de": "Hund", "fr": "chien"}) == {"de", "fr"}
    assert chosen({"en": "  ", "de": "Hund"}) == {"de"}


def test_a_language_must_be_a_primary_subtag():
    with pytest.raises(ConfigError, match="zh-CN"):
        caption_tag("captions", "id", ["zh-CN"], 0)
