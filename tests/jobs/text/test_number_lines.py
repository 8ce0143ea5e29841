from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.text.number_lines import CHARS, DIGIT_LINES, HASH_LINES, number_lines

SHA1 = hashlib.sha1(b"one").hexdigest()


def counts(text: str) -> list[int]:
    return number_lines(pa.array([text]))[0].tolist()


@pytest.mark.parametrize(
    "line",
    ["12 345 6.7 -89", "2024-05-06 07:08:09", "0x1f, 0x2a, 0x00ff,", "7f 45 4c 46 02 01 01 00", "١٢٣ ٤٥٦", "1e9, 2.5"],
)
def test_lines_of_numbers(line):
    solid = len("".join(line.split()))
    assert counts(f"Words before.\n{line}\nand behind") == [12 + solid + 9, solid, 0]


@pytest.mark.parametrize(
    "line",
    [
        SHA1,
        SHA1.upper(),
        f"{SHA1}  a/file.c",
        "3f2c1a9",
        "sha512-q1W3zB9cD4eF5gH6iJ7kL8mN9oP0",
    ],
)
def test_lines_of_hashes(line):
    assert counts(line) == [len(line.replace(" ", "")), 0, len(line.replace(" ", ""))]


@pytest.mark.parametrize(
    "line",
    [
        "In 1999 there were 12 of them",
        "deadbeef decade facade",
        "x = 10",
        "getElementByIdFromTheDocument1",
        "",
        "Ünïcödé 漢字 1",
    ],
)
def test_lines_of_words(line):
    assert counts(line)[1:] == [0, 0]


def test_a_null_and_an_empty_text_count_nothing():
    assert number_lines(pa.array([None, ""], pa.string())).tolist() == [[0, 0, 0], [0, 0, 0]]


@settings(max_examples=50)
@given(
    lines=st.lists(st.sampled_from(["some words of prose", "1 2 3 4 5", SHA1, ""]), max_size=20),
    end=st.sampled_from(["", "\n"]),
)
def test_each_line_counts_once_wherever_it_stands(lines, end):
    solid = {line: len(line.replace(" ", "")) for line in lines}
    found = counts("\n".join(lines) + end)
    assert found[CHARS] == sum(solid[line] for line in lines)
    assert found[DIGIT_LINES] == 5 * lines.count("1 2 3 4 5")
    assert found[HASH_LINES] == 40 * lines.count(SHA1)
