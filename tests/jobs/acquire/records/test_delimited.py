from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.delimited import read

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def rows(data, name="a.csv", **said):
    data = data if isinstance(data, bytes) else data.encode()
    declared = Records(**said).resolved(name, "text")
    return [(r.number, r.problem or dict(r.values)) for r in read(io.BytesIO(data), declared)]


def test_rows_keep_the_numbers_of_their_first_lines():
    data = 'text,id\r\n"one\r\nand a half",1\r\n\r\ntwo,2\r\n"th""ree",3'
    assert rows(data) == [
        (2, {"text": "one\r\nand a half", "id": "1"}),
        (5, {"text": "two", "id": "2"}),
        (6, {"text": 'th"ree', "id": "3"}),
    ]


def test_a_bad_row_costs_itself_alone():
    data = 'text,id\n"open,1\n"a" b,2\nx,3,4\nshort\nlast,5\n'
    assert rows(data) == [
        (2, "it is not CSV: ',' expected after '\"'"),
        (3, "it is not CSV: ',' expected after '\"'"),
        (4, "more or fewer fields than the header: 3, not 2"),
        (5, "more or fewer fields than the header: 1, not 2"),
        (6, {"text": "last", "id": "5"}),
    ]


def test_an_open_quote_takes_no_more_than_its_line():
    assert rows('text,id\n"open,1\nx,2\ny,3\n') == [
        (2, "it is not CSV: unexpected end of data"),
        (3, {"text": "x", "id": "2"}),
        (4, {"text": "y", "id": "3"}),
    ]


def test_a_long_row_is_refused_and_the_next_is_read():
    data = "text\n" + "x" * 500 + "\n" + '"' + "y\n" * 400 + '"\nlast\n'
    found = rows(data, max_bytes=100)
    assert found[0] == (2, "it is not CSV: longer than 100 characters")
    assert found[1] == (3, "it is not CSV: longer than 100 characters")
    assert found[-1] == (404, {"text": "last"})


def test_encodings_and_delimiters_are_declared():
    assert rows("text;id\nÄ;1\n".encode("latin-1"), encoding="latin-1", delimiter=";") == [
        (2, {"text": "Ä", "id": "1"})
    ]
    assert rows("text\tid\nÄ\t1\n".encode("utf-16"), "a.tsv", encoding="utf-16") == [(2, {"text": "Ä", "id": "1"})]
    assert rows(b"\xef\xbb\xbftext\nx\n") == [(2, {"text": "x"})]
    with pytest.raises(RejectedError, match="encoding 'utf-99' is not known"):
        rows("text\n", encoding="utf-99")


def test_a_header_without_a_declared_field_or_with_it_twice_is_refused():
    with pytest.raises(RejectedError, match="there is no column 'id', which records declares: it has 'text', 'x'"):
        rows("text,x\n", id="id")
    with pytest.raises(RejectedError, match="several columns 'text'"):
        rows("text,text\n")


@given(st.lists(st.tuples(CELLS, CELLS), max_size=6))
def test_what_the_csv_module_writes_is_read(cells):
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows([("text", "id"), *cells])
    assert [row for _, row in rows(out.getvalue())] == [{"text": text, "id": id_} for text, id_ in cells]
