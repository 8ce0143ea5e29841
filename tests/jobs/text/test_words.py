from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.text.words import word_hash, words

SOLO = re.compile(r"[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")


def slow_words(text):
    """The definition, word by word."""
    found, word, solo = [], "", False
    for character in text:
        kind = unicodedata.category(character)[0]
        mark = kind == "M"
        letter = kind in "LN" or character == "_"
        alone = letter and bool(SOLO.match(character))
        if word and ((not letter and not mark) or alone or (solo and not mark)):
            found.append(word)
            word, solo = "", False
        if letter or (mark and word):
            lower = character.lower()
            word += lower if len(lower) == 1 else character
            solo = solo or alone
    return [*found, word] if word else found


texts = st.text(st.sampled_from("abc AÄß.,-_09 \n中文字かなカナ가나ไทยีこれ́हिन्दी"), max_size=60)


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, min_size=1, max_size=5))
def test_words_are_those_of_the_definition(rows):
    hashes, lengths, places = words(pa.array(rows))
    for row, text in enumerate(rows):
        wanted = slow_words(text)
        part = slice(places[row], places[row + 1])
        assert lengths[part].tolist() == [len(word) for word in wanted]
        assert hashes[part].tolist() == [word_hash(word) for word in wanted]


def test_case_is_folded_and_a_chinese_character_is_a_word():
    hashes, lengths, places = words(pa.array(["Straße STRASSE 数据库 x"]))
    assert lengths.tolist() == [6, 7, 1, 1, 1, 1]
    assert len(set(hashes.tolist())) == 6
    assert places.tolist() == [0, 6]


def test_slices_nulls_and_wide_strings_give_the_same_words():
    rows = ["zero", "one two", None, "three"]
    narrow = words(pa.array(rows).slice(1))
    wide = words(pa.array(rows[1:], pa.large_string()))
    for a, b in zip(narrow, wide, strict=True):
        assert a.tolist() == b.tolist()
    assert narrow[2].tolist() == [0, 2, 2, 3]
