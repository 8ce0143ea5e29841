from __future__ import annotations

from jobs.text.bigram_units import CASES, CLASSES, FIRST_LETTER, GLOBALS, case_table, floors, members, unit_table


def test_units_fit_a_byte_and_leave_room_for_letters():
    assert FIRST_LETTER == len(GLOBALS) == len(set(GLOBALS)) < 190


def test_classes_of_characters():
    names = list(CLASSES)
    for text, name in (
        (" \n\u3000", "blank"), ("7٣", "digit"), ("५߅", "other digit"), ("\x81", "late control"), ("\ue000", "private"), ("\ufffd", "replacement"),
        ("\u0378", "unassigned"), ("世〇", "han"), ("か", "hiragana"), ("カ", "katakana"), ("ｶ", "narrow katakana"), ("한", "hangul"),
        ("éÅ", "latin"), ("жα", "letter"), ("\u0301", "mark"), ("╔", "box"), ("\u200b", "invisible"), ("☎", "sign"),
    ):  # fmt: skip
        assert {names[unit_table()[ord(character)]] for character in text} == {name}
    assert GLOBALS[unit_table()[ord("…")]] == "…"
    assert [CASES[case_table()[ord(character)]] for character in "aA中1"] == ["lower", "upper", "uncased", "none"]


def test_the_rarer_class_is_less_likely():
    chance = dict(zip(CLASSES, floors() * 2.718281828 ** members(), strict=False))
    assert chance["unassigned"] < chance["late control"] < chance["sign"] < chance["blank"]
