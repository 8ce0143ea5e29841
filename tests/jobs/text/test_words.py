from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.text import lines
from jobs.text.lines import line_counts
from jobs.text.words import word_hash, words

SOLO = re.compile(r"[\u3005-\u3007\u3041-\u3096\u30a1-\u30ff\u4e00-\u9fff\u0e01-\u0e2e\u1000-\u1021\u1780-\u17a2]")
LEAD = re.compile("[\u0e40-\u0e44]")
STACKER = re.compile("[\u1039\u17d2]")


def slow_words(text):
    """The definition, word by word."""
    found, word, solo, goes_on = [], "", False, False
    for character in text:
        kind = unicodedata.category(character)
        mark = kind[0] == "M" or kind == "Cf"
        letter = kind[0] in "LN" or character == "_"
        lead = bool(LEAD.match(character))
        alone = letter and (bool(SOLO.match(character)) or lead)
        ends = (not letter and not mark) or (alone and not (goes_on and not lead)) or (solo and not mark and not alone)
        if word and ends:
            found.append(word)
            word, solo, goes_on = "", False, False
        if letter or (mark and word):
            lower = character.lower()
            word += lower if len(lower) == 1 else character
            goes_on = lead or (goes_on and mark) or (bool(STACKER.match(character)) and solo)
            solo = solo or alone
    return [*found, word] if word else found


texts = st.text(st.sampled_from("abc AÄß.,-_09 \n中文字かなカナ가나ไทเยีこれ́हिन्दीမြန်မ္မာខ្មែរབོད་\u200c"), max_size=60)


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


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("हिन्दी में लिखा", 3),
        ("བོད་ཡིག་གི", 3),
        ("ภาษาไทย", 6),
        ("ខ្មែរ", 2),
        ("မ္မာ မြန်", 3),
        ("می\u200cخواهم", 1),
        ("ሰላም፡ለዓለም", 2),
        ("ไป\u200bมา", 3),
        ("क\u094dषेत्र", 1),
    ],
)
def test_marks_join_their_word_and_both_modules_count_alike(text, wanted):
    assert len(words(pa.array([text]))[0]) == wanted
    counts = line_counts(pa.array([text]))[0]
    assert (counts[lines.WORDS], counts[lines.ALPHABETIC_WORDS]) == (wanted, wanted)


@settings(max_examples=200, deadline=None)
@given(texts)
def test_lines_count_the_words_and_those_that_are_signs_alone(text):
    counts = line_counts(pa.array([text]))[0]
    found = len(words(pa.array([re.sub(r"[.,-]", "", text)]))[0])
    # A sign between letters cuts a word for its hash alone; one that stands alone is a word without letters.
    assert counts[lines.ALPHABETIC_WORDS] <= found
    assert counts[lines.WORDS] >= counts[lines.ALPHABETIC_WORDS]
