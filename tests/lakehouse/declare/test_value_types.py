from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from lakehouse.declare.config import Config
from lakehouse.declare.discovery import load_registry
from lakehouse.declare.value_types import declared_types, describe_type, fix_of, matches_type


def test_parameters_that_mixlake_comes_with_are_of_their_types():
    for spec in load_registry(Config(lake="lake")).flows.values():
        kinds = declared_types(spec.params)
        for field in dataclasses.fields(spec.params):
            assert matches_type(field.default, kinds[field.name]), (spec.id, field.name)
            assert not matches_type(object(), kinds[field.name])


@pytest.mark.parametrize(
    ("expected", "words", "good", "bad"),
    [
        (int, "a whole number", 3, True),
        (float, "a number", 3, "3"),
        (bool, "true or false", False, 0),
        (str, "a text", Path("x"), 3),
        (str | None, "a text or nothing", None, 3),
        (Literal["a", "b"], "'a' or 'b'", "a", "c"),
        (tuple[str, ...], "a list of texts", ["a"], "a"),
        (tuple[int, str], "a list", (1, "a"), (1, 2)),
        (Mapping[str, int], "a mapping", {"a": 1}, [1]),
    ],
)
def test_types_are_matched_and_described(expected, words, good, bad):
    assert describe_type(expected) == words
    assert matches_type(good, expected)
    assert not matches_type(bad, expected)


def test_what_yaml_reads_as_another_type_comes_with_the_way_to_write_it():
    assert fix_of("1e-3") == "YAML takes it for a text: write 1.0e-3 or 1.0e+6, with a point and a sign"
    assert fix_of(dt.date(2024, 1, 1)) == "put it in quotes: '2024-01-01'"
    assert fix_of("fast") == fix_of(3) == ""
