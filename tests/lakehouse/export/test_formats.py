from __future__ import annotations

import pytest

from lakehouse.errors import ExportError, UsageError
from lakehouse.export import formats
from lakehouse.export.formats import format_names, load_format, resolve_options


def test_the_engine_s_own_formats_come_first():
    assert format_names()[:3] == ["parquet", "jsonl", "arrow"]
    assert [load_format(name).name for name in format_names()] == format_names()


def test_options_have_values_that_they_take():
    for name in format_names():
        found = load_format(name)
        resolved = resolve_options(found, {})
        assert all(not option.choices or resolved[option.name] in option.choices for option in found.options)
    jsonl = load_format("jsonl")
    assert resolve_options(jsonl, {"nan": "null"})["nan"] == "null"
    with pytest.raises(UsageError, match="did you mean binary"):
        resolve_options(jsonl, {"binry": "base64"})
    with pytest.raises(UsageError, match="take refuse, null"):
        resolve_options(jsonl, {"nan": "0"})


class Point:
    value = "acme:FORMAT"

    def __init__(self, found):
        self.found = found

    def load(self):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def test_a_format_of_another_package_that_fails_is_named(monkeypatch):
    monkeypatch.setattr(
        formats,
        "_installed",
        lambda: {"a": Point(ImportError("no acme")), "b": Point(3), "c": Point(load_format("arrow"))},
    )
    with pytest.raises(ExportError, match="format a cannot be loaded: no acme — install what acme:FORMAT needs"):
        load_format("a")
    with pytest.raises(ExportError, match="acme:FORMAT is not an ExportFormat"):
        load_format("b")
    assert load_format("c").name == "arrow"
