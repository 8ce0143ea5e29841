from __future__ import annotations

import re

import pytest

from jobs.acquire.strict_yaml import read_yaml
from lakehouse.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def to(text):
        path = tmp_path / "x.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to


def test_values_know_their_lines(write):
    found = read_yaml(write("a: 1\nb:\n  c: [x, y]\n"), "a")
    assert found == {"a": 1, "b": {"c": ["x", "y"]}}
    assert found.lines == {"": 1, "a": 1, "b": 2}
    assert found["b"].lines["c"] == 3


def test_templates_merge_and_are_overridden(write):
    found = read_yaml(write("t: &t {a: 1, b: 2}\nuse:\n  <<: *t\n  b: 3\n"), "use")
    assert found["use"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1, 2\nb: 3\n", ":2: "),
        ("a: 1\nb: 2\na: 3\n", ":3: the key 'a' is said twice"),
        ("- a\n", "no mapping"),
        ("", ":1: the file is no mapping — start it with: stages:"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        (b"a: \xff\xfe\n", "x.yaml"),
        ("a: \x00\n", "x.yaml"),
        ("? [1, 2]\n: 3\n", "x.yaml"),
        ('a: "b\\0c"\n', ":1: a text holds a NUL"),
        ('a:\n- "b\\0c"\n', ":2: a text holds a NUL"),
        (f"a: {'9' * 5000}\n", "x.yaml"),
        ("[" * 5000 + "]" * 5000, "x.yaml"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(write, text, words):
    path = write(text)
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        read_yaml(path, "stages")
    assert caught.value.message.startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_yaml(tmp_path / "none.yaml", "stages")
