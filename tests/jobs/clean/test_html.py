"""Markup that would keep the parser busy without end is refused; what only looks like it is not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.clean.html import extract

WORDS = "<p>some words of a page</p>"


def read(markup, media_type="text/html"):
    texts, reasons = extract(pa.array([markup]), pa.array([media_type]), 10)
    return texts[0].as_py(), reasons[0].as_py()


@pytest.mark.parametrize("media_type", ["text/html", "application/xml"])
@pytest.mark.parametrize(
    ("markup", "says"),
    [
        ("<div>" * 200_000, "nested more than 512 deep"),
        ("<DIV class='a>b'>" * 600, "nested more than 512 deep"),
        ("".join(f"<b id={n}><p>" for n in range(100_000)), "nested more than 512 deep"),
        ("<div " + " ".join(f"a{n}=1" for n in range(30_000)) + ">x</div>", "more than 1000 attributes"),
        ("<div " + "".join(f"a{n}='1'" for n in range(30_000)) + ">x</div>", "more than 1000 attributes"),
        ("<div " + "/".join(f"<a{n}" for n in range(30_000)) + ">x</div>", "more than 1000 attributes"),
    ],
)
def test_depth_and_attributes_without_end_are_refused(markup, says, media_type):
    text, reason = read(markup, media_type)
    assert not text
    assert says in reason


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 500 + WORDS + "</div>" * 500,
        WORDS * 2000,
        "<ul>" + "<li>an item" * 2000 + "</ul>" + WORDS,
        "<p>a line<br>" * 2000 + WORDS,
        f"<img src='data:image/png;base64,{'QUJD/' * 40_000}'>{WORDS}",
        "<b>x</b>" * 2000 + WORDS,
        "a < b " * 2000 + WORDS,
    ],
)
def test_long_pages_are_read(markup):
    text, reason = read(markup)
    assert reason is None
    assert "some words of a page" in text
