from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.globs import glob_regex, matches


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.py", "a.py", True),
        ("*.py", "d/a.py", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "d/e/a.py", True),
        ("d/**", "d/e/a.py", True),
        ("d/**", "da/e", False),
        ("**", "any/thing", True),
        ("a?.txt", "ab.txt", True),
        ("a?.txt", "a/.txt", False),
        ("a+(b).c", "a+(b).c", True),
        ("a.c", "abc", False),
        ("*.py", "a.py\n", False),
        ("*", "two\nlines", True),
    ],
)
def test_patterns(pattern, path, fits):
    assert matches(path, [pattern]) is fits


@given(st.text(alphabet=st.characters(exclude_characters="*?"), min_size=1))
def test_a_plain_path_fits_itself_alone(path):
    assert glob_regex(path).match(path)
    assert not glob_regex(path).match(path + "x")
