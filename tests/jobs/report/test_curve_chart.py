from __future__ import annotations

import math
import re

import pytest

from jobs.report.curve_chart import curves, stacks


def test_a_line_goes_from_the_highest_to_the_lowest_value():
    drawn = curves({"loss": [(1, 4.0), (2, math.nan), (3, 2.0)]}, {"loss": 0}, "label")
    places = re.search(r'points="([^"]+)"', drawn)[1].split()
    assert places == ["64.0,8.0", "784.0,248.0"]


@pytest.mark.parametrize("line", [[], [(1, math.nan)], [(1, math.inf)], [(1, 1e308)]])
def test_values_that_are_not_finite_draw_nothing(line):
    assert "No finite value" in curves({"loss": line}, {"loss": 0}, "label")


@pytest.mark.parametrize("value", [0.0, -3.0, 1e299])
def test_one_value_alone_is_drawn(value):
    assert "nan" not in curves({"loss": [(5, value)]}, {"loss": 0}, "label")


def test_the_parts_of_a_stack_fill_its_height():
    drawn = stacks([(1, {"a": 3, "b": 1}), (2, {"b": 2})], {"a": 0, "b": 1}, "label")
    assert re.findall(r'<rect[^>]* height="([\d.]+)"', drawn) == ["90.0", "30.0", "120.0"]
    assert "step 1, a: 3 tokens" in drawn
