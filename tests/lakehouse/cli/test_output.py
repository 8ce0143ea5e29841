from __future__ import annotations

import datetime as dt
import json
import math
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.cli.output import cell, print_json, print_table, size, to_json, warn

AT = dt.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (AT, "2026-01-02T03:04:05.678000+00:00"),
        (AT.date(), "2026-01-02"),
        (b"\x00\xff", "AP8="),
        (Decimal(12345678901234567890), 12345678901234567890),
        (Decimal("2.50"), "2.50"),
        (dt.timedelta(days=1, seconds=2), "1 day, 0:00:02"),
        ({"b", "a"}, ["a", "b"]),
        ([math.nan, math.inf, {"x": -math.inf}], ["NaN", "Infinity", {"x": "-Infinity"}]),
        ("é", "é"),
    ],
)
def test_values_that_json_lacks_have_one_form(value, plain):
    assert json.loads(to_json(value), parse_constant=pytest.fail) == plain


def test_what_has_no_json_form_is_an_error():
    with pytest.raises(TypeError, match="object has no JSON form"):
        to_json({"x": object()})


@given(values)
def test_json_is_strict_and_keeps_what_json_can_say(value):
    def said(item):
        if isinstance(item, float) and not math.isfinite(item):
            return "NaN" if math.isnan(item) else "Infinity" if item > 0 else "-Infinity"
        if isinstance(item, dict):
            return {key: said(inner) for key, inner in item.items()}
        return [said(inner) for inner in item] if isinstance(item, list) else item

    assert json.loads(to_json(value), parse_constant=pytest.fail) == said(value)


def test_printed_json_is_indented_and_not_escaped(capsys):
    print_json([{"name": "北京"}])
    assert capsys.readouterr().out == '[\n  {\n    "name": "北京"\n  }\n]\n'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (12345678, "12345678"),
        (1234567.89, "1.23457e+06"),
        (0.5, "0.5"),
        (math.nan, "nan"),
        (b"abc", "<3 bytes>"),
        (AT, "2026-01-02 03:04:05+00:00"),
        (Decimal("2.50"), "2.50"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        ("two\r\nlines\tand\x1b[31m", "two⏎lines and�[31m"),
    ],
)
def test_a_cell_is_one_line(value, text):
    assert cell(value) == text


def test_a_long_cell_is_cut_with_a_mark():
    assert cell("x" * 60) == "x" * 60
    assert cell("x" * 61) == "x" * 59 + "…"
    assert cell("x" * 999, None) == "x" * 999


@given(values, st.integers(1, 80))
def test_a_cell_is_printable_and_no_wider_than_asked(value, width):
    text = cell(value, width)
    assert len(text) <= width
    assert text.isprintable()


def test_columns_are_aligned_and_numbers_to_the_right(capsys):
    print_table(["name", "n"], [("a", 1), ("longer", 100), (None, None)], numbers=["n"])
    assert capsys.readouterr().out == "name      n\na         1\nlonger  100\n\n"
    print_table(["name", "n"], [])
    assert capsys.readouterr().out == "name  n\n"


def test_programs_get_long_values_whole_but_rows_of_the_lake_are_cut(capsys):
    print_table(["text"], [["x" * 99]])
    assert "x" * 99 in capsys.readouterr().out
    print_table(["text"], [["x" * 99]], width=10, cut=True)
    assert capsys.readouterr().out == f"text\n{'x' * 9}…\n"


def test_a_terminal_gets_a_drawing_with_cut_values_and_brackets_as_they_are(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    print_table(["text", "n"], [["x" * 99, 1], ["[red]not a style[/]", 22]], numbers=["n"])
    printed = capsys.readouterr().out
    assert "x" * 59 + "…" in printed
    assert "x" * 60 not in printed
    assert "[red]not a style[/]" in printed
    assert "──" in printed


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 << 20, "5.0 MiB"),
        (3 << 30, "3.0 GiB"),
        (5 << 50, "5120.0 TiB"),
    ],
)
def test_sizes_have_binary_units(count, text):
    assert size(count) == text


def test_warnings_go_to_standard_error(capsys):
    warn("mind the gap")
    assert capsys.readouterr() == ("", "mixlake: mind the gap\n")
