from __future__ import annotations

import datetime as dt
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from jobs.report.markup import Markup, escape, join, plain, tag


class Texts(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.seen = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.seen and isinstance(self.seen[-1], str):
            data = self.seen.pop() + data
        self.seen.append(data)


@given(st.text(min_size=1))
def test_any_text_stays_text_in_an_element_and_in_an_attribute(text):
    seen = Texts(tag("p", text, title=text)).seen
    assert [item[0] for item in seen if isinstance(item, tuple)] == ["p"]
    assert len([item for item in seen if isinstance(item, str)]) == 1
    assert set(seen[0][1]) == {"title"}


def test_characters_that_html_lacks_are_replaced():
    assert escape("a\0b\x1b\ud800c") == "a�b��c"


def test_markup_is_not_escaped_again():
    inner = tag("b", "<")
    assert tag("p", inner, "&") == "<p><b>&lt;</b>&amp;</p>"
    assert isinstance(join([inner, "x"]), Markup)


def test_attributes_without_a_value_are_left_out():
    assert (
        tag("audio", controls=True, src=None, muted=False, aria_label="a") == '<audio controls aria-label="a"></audio>'
    )
    assert tag("meta", http_equiv="x") == '<meta http-equiv="x">'


def test_values_read_as_people_write_them():
    assert plain(1234567) == "1,234,567"
    assert plain(0.123456) == "0.1235"
    assert (
        plain(dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=1)))) == "2026-01-02 02:04:05 UTC"
    )
    assert plain({"en": "a", "de": ["b", "c"]}) == "en: a, de: b, c"
    assert escape(None) == ""
