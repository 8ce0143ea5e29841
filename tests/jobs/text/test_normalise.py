from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.text.normalise import CONTROLS, normalise


def once(text, **options):
    return normalise(pa.array([text]), **options)[0][0].as_py()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a\r\nb\rc\u2028d\u0085e", "a\nb\nc\nd\ne"),
        ("\n\n  a  \n \n\n\n  b\t\n\n", "  a\n\n  b"),
        ("\ufeffa\u00adb\u200bc", "abc"),
        ("نامه\u200cای x\u200cy", "نامه\u200cای xy"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("a\u00a0b\u2003c\u3000d", "a b c\u3000d"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("N\bNA\bAM\bME\bE", "NAME"),
        ("é\bx", "x"),
        ("page\x0cnext", "page\nnext"),
        ("\u202eabc\u202c", "abc"),
        ("", ""),
        ("\x00\x01", ""),
    ],
)
def test_text(text, wanted):
    assert once(text) == wanted


def test_code_keeps_indentation_two_blank_lines_and_its_spaces():
    given_ = "def f():\r\n\tx = '\u00a0'  \r\n\n\n\n\n\x0c    return x\n"
    assert once(given_, code=True, most_blank_lines=2) == "def f():\n\tx = '\u00a0'\n\n\n    return x"


def test_control_characters_are_counted_for_the_guard():
    _, findings = normalise(pa.array(["a\x00\x01b\x0c\n\t", "ab\x99\x7f"]))
    assert findings[:, CONTROLS].tolist() == [2, 0]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab \t\n\r\x1b[m\b\u200d\u00ad中é\ufeff"), max_size=40), max_size=4))
def test_normalising_twice_changes_nothing_and_rows_do_not_mix(rows):
    first, _ = normalise(pa.array(rows, pa.string()))
    assert normalise(first)[0].to_pylist() == first.to_pylist() or any("\x1b" in row or "\b" in row for row in rows)
    assert [once(row) for row in rows] == first.to_pylist()
    for text in first.to_pylist():
        assert "\r" not in text
        assert "\n\n\n" not in text
        assert not any(line != line.rstrip() for line in text.split("\n"))
