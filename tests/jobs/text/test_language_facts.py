from __future__ import annotations

from jobs.text.language_facts import common, facts, only_language, related, writes
from jobs.text.scripts import NAMES


def test_scripts_of_one_and_of_several_languages():
    assert [only_language(code) for code in ("Thaa", "Cher", "Olck", "Guru")] == ["dv", "chr", "sat", "pa"]
    assert [only_language(code) for code in ("Mymr", "Tibt", "Cans", "Thai", "Telu", "Knda", "Kore", "Xxxx")] == [
        ""
    ] * 8


def test_what_a_language_is_written_in():
    assert writes("az", "Cyrl")
    assert writes("vi", "Hani")
    assert not writes("de", "Grek")
    assert writes("xyz", "Latn") is None


def test_members_of_a_macrolanguage():
    assert all(common(member) == "zh" for member in ("yue", "wuu", "gan", "hak", "hsn", "nan", "cjy"))
    assert related("yue", "zh")
    assert not related("yue", "wuu")


def test_withdrawn_codes_and_scripts_are_known():
    assert facts().replaced["iw"] == "he"
    assert {"Lana", "Tavt", "Adlm", "Java"} <= set(NAMES) & set(facts().languages)
