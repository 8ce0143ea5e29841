from __future__ import annotations

import dataclasses
import pickle
import re
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from lakehouse.declare.config import load_config
from lakehouse.declare.user_files import convert, parse_value, read_text, read_yaml
from lakehouse.errors import ConfigError, UsageError


def test_a_file_that_is_no_utf_8_is_named_with_the_byte(tmp_path):
    path = tmp_path / "flow.sql"
    path.write_bytes("SELECT 'ü'".encode("latin-1"))
    with pytest.raises(UsageError, match=r"flow\.sql is not UTF-8 \(at byte 8\)"):
        read_text(path)
    path.write_text("SELECT 'ü'", encoding="utf-8")
    assert read_text(path) == "SELECT 'ü'"


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
        ("a: 1\nb: 2\na: 3\n", ":3: the key 'a' is given twice"),
        ("- a\n", "the file must be a mapping"),
        ("", ":1: the file must be a mapping — start it with: stages:"),
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


@dataclasses.dataclass(frozen=True)
class Wheel:
    size: float
    kind: Literal["road", "mud"] = "road"


@dataclasses.dataclass(frozen=True)
class Car:
    name: str
    doors: int = 4
    tags: tuple[str, ...] = ()
    wheels: tuple[Wheel, ...] = ()
    spare: Wheel | None = None
    spares: Mapping[str, Wheel] = dataclasses.field(default_factory=dict)
    rest: Any = None


def test_a_mapping_becomes_a_frozen_value(write):
    text = "name: 6.0\ntags: [a, 1.5]\nwheels:\n- {size: 3}\nspare: {size: 1.5, kind: mud}\nspares:\n  x: {size: 2}\nrest: {a: [1]}\n"
    car = convert(Car, read_yaml(write(text)))
    assert car == Car("6.0", 4, ("a", "1.5"), (Wheel(3.0),), Wheel(1.5, "mud"), {"x": Wheel(2.0)}, {"a": [1]})
    assert convert(Car, read_yaml(write("wheels:\nspares:\nspare:\n")), name="n") == Car("n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("doors: 4\n", ":1: car lacks 'name' — add it"),
        ("name: x\ndors: 3\n", ":2: unknown key 'dors' in car — did you mean doors?"),
        (
            "name: x\nxyz: 3\n",
            ":2: unknown key 'xyz' in car — known keys are doors, name, rest, spare, spares, tags, wheels",
        ),
        ("name: [x]\n", ":1: car: name is ['x'], not a text — give a text"),
        ("name: x\ndoors: true\n", ":2: car: doors is True, not a whole number"),
        ("name: x\ntags: a\n", ":2: car: tags must be a list of texts — give a list of texts: tags: [VALUE, ...]"),
        ("name: x\ntags: [[]]\n", ":2: car: tags must be a list of texts"),
        ("name: x\nwheels:\n- {size: 1}\n- {size: a}\n", ":4: car: wheels: size is 'a', not a number"),
        ("name: x\nwheels: [1]\n", ":2: car: wheels must be a list of mappings"),
        ("name: x\nspare:\n  kind: road\n", ":3: car: spare lacks 'size'"),
        ("name: x\nspare: {size: 1, kind: ice}\n", ":2: car: spare.kind is 'ice' — choose one of road, mud"),
        ("name: x\nspare: 3\n", ":2: car: spare must be a mapping — write key: value lines under it"),
        (
            "name: x\nspares:\n  a: {size: 1e3}\n",
            ":3: car: spares.a.size is '1e3', not a number — YAML takes it for a text",
        ),
        (
            f"name: x\nspare: {{size: {'9' * 400}}}\n",
            ":2: car: spare.size is a number of 400 digits — give a smaller one",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_file_line_and_fix(write, text, words):
    path = write(text)
    with pytest.raises(ConfigError) as raised:
        convert(Car, read_yaml(path), "car")
    assert str(raised.value).startswith(f"{path}{words}")


def test_an_empty_file_is_an_empty_mapping_where_it_may_be(write):
    assert read_yaml(write("# nothing\n")) == {}


def test_values_keep_their_lines_in_another_process(write):
    body = pickle.loads(pickle.dumps(read_yaml(write("a: {b: 1}\n"))))
    assert (body, body["a"].lines) == ({"a": {"b": 1}}, {"": 1, "b": 1})


def test_a_value_of_the_command_line_is_read_as_strictly_as_a_file():
    assert parse_value("{epochs: 2, steps: [1, 2]}") == {"epochs": 2, "steps": [1, 2]}
    assert parse_value("") is None
    for text, problem in {
        "{a: 1, a: 2}": "the key 'a' is given twice",
        "2026-13-45": "month must be in 1..12",
        "&a [*a]": "contains itself",
        "[" * 5000: "recursion",
        "a: b: c": "mapping values are not allowed here",
        "--- 1\n--- 2": "another document",
        "\0": "special characters are not allowed",
        "1" * 5000: "4300 digits",
    }.items():
        with pytest.raises(UsageError, match=re.escape(problem)):
            parse_value(text)


def doubling(first, level, top):
    """Lines of which each names the one before twice: a few lines that stand for 2 ** 40 values."""
    lines = [f"  k0: &k0 {first}", *(f"  k{n}: &k{n} {level.format(before=f'k{n - 1}')}" for n in range(1, 40))]
    return "params:\n" + "\n".join(lines) + f"\n{top}\n"


@pytest.mark.parametrize(
    "text",
    [
        doubling("[x, x]", "[*{before}, *{before}]", "lake: *k39"),
        doubling("{a: x}", "{{a: *{before}, b: *{before}}}", "lake: *k39"),
        doubling("{a: x}", "{{<<: [*{before}, *{before}]}}", ""),
    ],
)
def test_aliases_of_aliases_are_refused_at_once_with_their_line(tmp_path, text):
    path = tmp_path / "mixlake.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"mixlake\.yaml:1\d: aliases \(\*NAME\) stand for more than 100000 values"):
        read_yaml(path)


def test_a_value_that_contains_itself_is_refused(tmp_path):
    path = tmp_path / "mixlake.yaml"
    path.write_text("lake: ./lake\nparams: &all {x: [*all]}\n")
    with pytest.raises(ConfigError, match=r"mixlake\.yaml:2: a value contains itself"):
        read_yaml(path)


def test_many_values_and_templates_that_many_entries_share_are_read(tmp_path):
    path = tmp_path / "sources.yaml"
    entries = "".join(f"  s{n}: {{<<: *base, path: p{n}}}\n" for n in range(2_000))
    path.write_text("templates:\n  base: &base {license: MIT, include: [a, b, c]}\nsources:\n" + entries)
    sources = read_yaml(path)["sources"]
    assert (len(sources), sources["s7"]["license"], sources["s7"]["path"]) == (2_000, "MIT", "p7")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("parallel: 2\nlake: x\nparallel: 3\n", 3),
        ('parallel: 2\n"parallel": 3\n', 2),
        ("params:\n  a.b: {x: 1}\n  a.b: {x: 2}\n", 3),
        ("params: {a.b: {x: 1, x: 2}}\n", 1),
    ],
)
def test_a_doubled_key_of_a_configuration_is_refused_with_its_line(tmp_path, text, line):
    (tmp_path / "mixlake.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"mixlake\.yaml:{line}: the key '.*' is given twice"):
        load_config(tmp_path)
