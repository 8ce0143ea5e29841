from __future__ import annotations

import pyarrow as pa

from jobs.text.scripts import NAMES, script_counts


def counted(text, limit=1000):
    row = script_counts(pa.array([text]), limit)[0]
    return {name: int(n) for name, n in zip(NAMES, row, strict=True) if n}


def test_letters_count_for_their_script_and_other_characters_for_none():
    assert counted("abc, Ωμ 123 й") == {"Latn": 3, "Grek": 2, "Cyrl": 1}
    assert counted("ひらカタ中") == {"Jpan": 4, "Hani": 1}


def test_the_orthographies_of_han_are_distinguished():
    assert counted("说說山") == {"Hans": 1, "Hant": 1, "Hani": 1}


def test_a_character_that_the_limit_cuts_is_counted():
    assert counted("ab中中", limit=3) == {"Latn": 2, "Hani": 1}
