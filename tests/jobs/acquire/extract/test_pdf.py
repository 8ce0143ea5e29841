from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.acquire.extract.pdf import pdf_text
from jobs.acquire.file_guard import RejectedError
from tests.jobs.acquire.extract.made import column, joined, pdf, scan
from tests.jobs.acquire.planted_media import mutated

MOST = 1 << 20
PAGE = [(72, 720, "A heading"), *column(72, 690, "First", 4), *column(72, 600, "Second", 4)]


def test_pages_give_their_paragraphs_and_what_the_file_says_of_itself():
    found = pdf_text(pdf(PAGE, [(72, 700, "Grüße (“alle”)")], title="A paper", language="de-DE"), MOST)
    paragraphs = found.text.split("\n\n")
    assert paragraphs[0] == "A heading"
    assert [paragraph.count("\n") for paragraph in paragraphs[1:3]] == [3, 3]
    assert paragraphs[3] == "Grüße (“alle”)"
    assert (found.title, found.language, found.refused) == ("A paper", "de-DE", ())


def test_columns_are_read_one_after_the_other_though_they_are_drawn_in_turns():
    left, right = column(60, 650, "left"), column(330, 650, "right")
    drawn = [line for pair in zip(left, right, strict=True) for line in pair]
    title = (60, 700, "A long title that goes across both of the columns of the page, from one side to the other side")
    text = pdf_text(pdf([*drawn, title]), MOST).text
    assert text.startswith("A long title")
    places = [text.index(f"{side} line {line}") for side in ("left", "right") for line in range(8)]
    assert places == sorted(places)


def test_rows_of_a_table_stay_together():
    rows = [(x, 700 - 12 * row, f"{name}{row}") for row in range(9) for x, name in ((72, "a"), (200, "b"), (400, "c"))]
    text = pdf_text(pdf(rows), MOST).text
    assert text.splitlines()[:2] == ["a0 b0 c0", "a1 b1 c1"]


def test_lines_drawn_from_below_are_read_from_above():
    text = pdf_text(pdf(list(reversed(column(72, 700, "x")))), MOST).text
    assert [line.split()[2] for line in text.splitlines()] == list("01234567")


def test_a_scan_is_refused_and_a_page_of_one_is_named():
    with pytest.raises(RejectedError, match=r"scanned: pages 1, 2: a picture without text, which must be recognised"):
        pdf_text(scan(2), MOST)
    found = pdf_text(joined(pdf(PAGE), scan(), pdf(PAGE), pdf([])), MOST)
    assert found.text.count("A heading") == 2
    assert found.refused == ("scanned: page 2: a picture without text, which must be recognised (OCR) first",)


def test_what_is_no_document_is_refused():
    for data, words in (
        (b"%PDF-1.7\n%nothing", "PDFium cannot open it"),
        (pdf([]), "its 1 pages are blank"),
        (pdf(PAGE * 50), "more than 1000 characters"),
    ):
        with pytest.raises(RejectedError, match=words):
            pdf_text(data, 1000)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32))
def test_damaged_files_give_text_or_a_reason(seed):
    try:
        found = pdf_text(mutated(pdf(PAGE, PAGE), seed), MOST)
    except RejectedError as rejected:
        found = rejected
    assert str(found)
