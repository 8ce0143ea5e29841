from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from jobs.text.characters import ALPHABETIC, as_text, character_flags, decode, lower_cases, text_buffers


@pytest.mark.parametrize("character", ["a", "é", "中", "😀"])
def test_code_points_of_one_to_four_bytes_are_decoded(character):
    data = np.frombuffer(character.encode(), np.uint8)
    assert decode(data, 0) == (ord(character), len(data))


def test_text_survives_its_buffers():
    for kind in (pa.string(), pa.large_string()):
        text = pa.array(["ab", "", "中"], kind)
        data, offsets = text_buffers(text)
        assert as_text(data, offsets).to_pylist() == ["ab", "", "中"]
        assert as_text(*text_buffers(text.slice(1))).to_pylist() == ["", "中"]


def test_tables_by_code_point():
    letters = (character_flags() & ALPHABETIC) != 0
    assert [bool(letters[ord(c)]) for c in "aé中1 ,"] == [True, True, True, False, False, False]
    assert chr(lower_cases()[ord("Ä")]) == "ä"
