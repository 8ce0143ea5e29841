from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.text import lines
from jobs.text.lines import line_counts


def count(text):
    return line_counts(pa.array([text]))[0]


@pytest.mark.parametrize(
    ("text", "column", "wanted"),
    [
        ("two words", lines.WORDS, 2),
        ("数据 ab", lines.WORDS, 3),
        ("x2数y", lines.WORDS, 3),
        ("a 1 -- b3 数", lines.ALPHABETIC_WORDS, 3),
        ("ab 数", lines.WORD_CHARS, 3),
        ("é数", lines.CHARS, 2),
        ("# a ## b", lines.HASHES, 3),
        ("a... b…… c..", lines.ELLIPSES, 3),
        ("a\n\n  \nb", lines.LINES, 2),
        ("a\n\nb\n", lines.NEWLINES, 3),
        ("- a\n* b\n-c\n  • d\nx", lines.BULLET_LINES, 3),
        ("a...\nb…\nc.", lines.ELLIPSIS_LINES, 2),
        ('a.\n"b!"\nc\n完。\n(see d)', lines.PUNCTUATED_LINES, 3),
        ("x" * 29 + "\n" + "x" * 30, lines.SHORT_LINES, 1),
        ("ab  \n  cd", lines.LINE_CHARS, 4),
        ("ab  \n  cde", lines.LONGEST_LINE, 5),
        ("a1 é数!", lines.ALPHANUMERIC, 4),
        ("{ } {", lines.CURLY_BRACKETS, 3),
        ("One. Two! 3.5 is e.g. here?! 完。好！", lines.SENTENCES, 6),
        ("a\nb\na\n a ", lines.DUPLICATE_LINES, 2),
        ("aa\nb\naa", lines.DUPLICATE_LINE_CHARS, 2),
        ("a\nb\n\nc\n\n\nd", lines.PARAGRAPHS, 3),
        ("a\nb\n\na\nb\n\na\n\nb", lines.DUPLICATE_PARAGRAPHS, 1),
        ("aa\nb\n\naa\nb", lines.DUPLICATE_PARAGRAPH_CHARS, 3),
    ],
)
def test_counts(text, column, wanted):
    assert count(text)[column] == wanted


def test_rows_do_not_share_what_they_have_seen():
    counts = line_counts(pa.array(["a\nb", "a\nb", "a\na"]))
    assert counts[:, lines.DUPLICATE_LINES].tolist() == [0, 0, 1]


def test_an_empty_text_has_nothing():
    assert not count("").any()


def test_rules_and_borders_of_tables_are_no_repeated_lines():
    found = line_counts(pa.array(["│ a │\n├───┤\n│ b │\n├───┤\n---\n---\nsame\nsame\n1\n1"]))[0]
    assert found[lines.LINES] == 10
    assert found[lines.DUPLICATE_LINES] == 2
    assert found[lines.DUPLICATE_LINE_CHARS] == 5
