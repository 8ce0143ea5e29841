from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.text.normalise import CHARS, CONTROLS, INVISIBLE, REPLACEMENTS, normalise, normalise_code


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
        ("a\r\r\nb\r\n\r\nc\r\rd", "a\nb\n\nc\n\nd"),
        ("10\u2076 H\u2082O \u00bd x\u00b2", "10\u2076 H\u2082O \u00bd x\u00b2"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f!",) * 2,
        ("a\U000e0067\U000e0001b", "ab"),
        ("\u2764\ufe0f\u200d\U0001f525 1\ufe0f\u20e3 葛\U000e0100",) * 2,
        ("\u200dه می\u200cخواهم র\u200d্য",) * 2,
        ("see \x1b]8;;http://x/y\x1b\\link\x1b]8;;\x1b\\ here\x1b(B\x1b[m", "see link here"),
        ("\x1b]0;title\x07text\x1bPq#0\x1b\\\x1b7\x1b=", "text"),
        ("open \x1b]8;;http://x\nnext", "open 8;;http://x\nnext"),
        ("end\x1b", "end"),
    ],
)
def test_text(text, wanted):
    assert once(text) == wanted


def code(text):
    out, findings = normalise_code(pa.array([text]))
    return out[0].as_py(), findings[0]


def test_code_changes_its_line_ends_and_a_mark_at_its_beginning_alone():
    assert code("\ufeffa\r\nb\rc\r\r\nd  \n\n\n\n\x0c\te \n")[0] == "a\nb\nc\nd  \n\n\n\n\x0c\te \n"
    for kept in (
        "s.replace(/[\u200b\u200c\u200d\ufeff]/g, '')", "/[\u00ad\u2028-\u202f]/", "'e\u0301' != '\u00e9'", "'\u212a' != 'K'",
        "x = '\u00a0\u3000\x85'", "\x1b[31m \x08 \x00", "\U000e0067", "",
    ):  # fmt: skip
        assert code(kept)[0] == kept


@given(st.lists(st.text(st.sampled_from("ab \r\n\ufeff\u2028é\ufffd\x00"), max_size=30), max_size=4))
def test_code_is_what_it_was_but_for_line_ends(rows):
    out, findings = normalise_code(pa.array(rows, pa.string()))
    wanted = [re.sub("\r+\n|\r", "\n", row.removeprefix("\ufeff")) for row in rows]
    assert out.to_pylist() == wanted
    assert findings[:, REPLACEMENTS].tolist() == [row.count("\ufffd") for row in rows]
    assert findings[:, CONTROLS].tolist() == [row.count("\x00") for row in rows]
    assert findings[:, CHARS].max(initial=0) <= max(map(len, rows), default=0)


def test_invisible_characters_that_go_are_counted():
    _, findings = normalise(pa.array(["a\u00adb\u200bc\ufeff", "می\u200cخواهم", "\u202ea"]))
    assert findings[:, INVISIBLE].tolist() == [3, 0, 1]


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
