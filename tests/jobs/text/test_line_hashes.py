from __future__ import annotations

import re

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.text.line_hashes import line_hashes


def of(text):
    hashes, lengths, _ = line_hashes(pa.array([text]))
    return list(zip(hashes.tolist(), lengths.tolist(), strict=True))


def normal(line):
    return re.sub("[0-9]+", "0", " ".join(line.split()).lower())


def test_numbers_case_and_blanks_do_not_count():
    (one, length), (other, longer) = of("Page 3 of 90\n\n  page  14 of 9 ")
    assert one == other
    assert (length, longer) == (12, 13)
    assert of("a b") != of("ab") != of("a 1 b")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from("aB é漢1 2\t"), max_size=8), max_size=8))
def test_lines_are_equal_where_they_are_so_by_definition(lines):
    solid = [normal(line) for line in lines if line.strip()]
    found = [h for h, _ in of("\n".join(lines))]
    assert len(found) == len(solid)
    assert [a == b for a in found for b in found] == [a == b for a in solid for b in solid]
    assert [n for _, n in of("\n".join(lines))] == [len(line.strip()) for line in lines if line.strip()]


def test_texts_are_apart():
    hashes, lengths, places = line_hashes(pa.array(["a\nb", "", None, "b"]))
    assert places.tolist() == [0, 2, 2, 2, 3]
    assert hashes[1] == hashes[2]
    assert lengths.tolist() == [1, 1, 1]
