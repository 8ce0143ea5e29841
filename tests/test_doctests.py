"""The examples in docstrings run, each module's in an empty folder."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("lakehouse", "schemas", "jobs", "trainer")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# Modules whose examples are shown and not run, all of them or some, and why.
SKIPPED = {
    "lakehouse/lineage/index/lookup.py": "needs a lake with lineage of runs, which takes Spark",
    "lakehouse/query/connection.py": "needs a release, which takes Spark",
    "trainer/loader/__init__.py": "needs a release with packed sequences",
    "trainer/loader/loader.py": "needs a release with packed sequences",
}


def _files_with(text: str) -> list[str]:
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in paths if text in path.read_text())


@pytest.mark.parametrize("file", _files_with(">>> "))
def test_the_examples_of_a_module_run(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)
    name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert result.attempted or file in SKIPPED
    assert result.failed == 0


def test_an_example_that_is_skipped_has_its_reason():
    assert set(_files_with("doctest: +SKIP")) <= set(SKIPPED)
