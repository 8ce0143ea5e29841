from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from lakehouse.declare.params import parameter_files, params_json, resolve_params
from lakehouse.errors import ConfigError
from tests.lakehouse import words
from tests.module_text import ModuleText

HELPER = """
FACTOR = {factor}

def twice(x):
    {doc}
    return x * FACTOR

class Thing:
    def size(self):
        return {size}
"""


USER = """
import pyarrow as pa
import pyarrow.compute as pc
from lakehouse.declare.flow import flow
from PACKAGE.tables import lines, shouts

@flow(writes=shouts, reads={"lines": lines})
def shout(batch, params):
    from PACKAGE import helper
    from PACKAGE.helper import Thing
    return helper.twice(batch), Thing().size()
"""


def flow_with_params(project, body):
    project.module("tables", words.TABLES)
    user = USER.replace(
        "@flow(", "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass P:\n" + body + "\n@flow("
    )
    project.module("flows", user.replace('{"lines": lines}', '{"lines": lines}, params=P'))
    project.module("helper", HELPER.format(factor=1, size=1, doc="'d'"))
    return next(iter(project.lake().registry.flows.values()))


def test_unknown_parameters_are_refused(project):
    spec = flow_with_params(project, "    size: int = 1")
    config = project.lake().config.with_params({"silver.shouts": {"sise": 2}})
    with pytest.raises(ConfigError, match="sise") as raised:
        resolve_params(spec, config)
    assert "size" in raised.value.hint


TYPED = ModuleText("""
    size: int = 1
    share: float = 0.5
    exact: bool = False
    mark: str = "!"
    names: tuple[str, ...] = ()
    least: int | None = None
    other: object = None
    unknown: Later = None
""")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("size", "large", 'size is "large", where a whole number is expected'),
        ("size", [1], "size is [1], where a whole number is expected"),
        ("size", 1.5, "size is 1.5, where a whole number is expected"),
        ("size", True, "size is true, where a whole number is expected"),
        ("share", "1e-3", 'share is "1e-3", where a number is expected — YAML takes it for a text'),
        ("mark", dt.date(2024, 1, 1), "mark is the date 2024-01-01, where a text is expected — put it in quotes"),
        ("exact", 1, "exact is 1, where true or false is expected"),
        ("mark", 7, "mark is 7, where a text is expected"),
        ("names", ["a", 1], 'names is ["a", 1], where a list of texts is expected'),
        ("names", 3, "names is 3, where a list of texts is expected"),
        ("least", "few", 'least is "few", where a whole number or nothing is expected'),
    ],
)
def test_a_value_of_another_type_is_refused_before_anything_runs(project, name, value, says):
    spec = flow_with_params(project, TYPED.replace("Later", "object"))
    config = project.lake().config.with_params({"silver.shouts": {name: value}})
    with pytest.raises(ConfigError, match=re.escape(f"{spec.id}: {says}")):
        resolve_params(spec, config)


def test_values_that_fit_pass_and_types_that_are_not_plain_are_left_to_the_flow(project):
    given = {"size": 2, "share": 1, "exact": True, "mark": "?", "names": ["a"], "least": None, "other": [1]}
    for later in ("object", "Later"):
        spec = flow_with_params(project, TYPED.replace("Later", later))
        found = resolve_params(spec, project.lake().config.with_params({"silver.shouts": {**given, "unknown": 1}}))
        assert (found.size, found.share, found.names, found.unknown) == (2, 1, ("a",), 1)


def test_a_file_parameter_counts_by_its_content(project):
    body = '    rules: str = dataclasses.field(default="", metadata={"file": True})'
    spec = flow_with_params(project, body)
    config = project.lake().config.with_params({"silver.shouts": {"rules": "rules.yaml"}})
    (project.root / "rules.yaml").write_text("a: 1")
    params = resolve_params(spec, config)
    assert params.rules == str(project.root / "rules.yaml")
    first = params_json(spec, params)
    assert str(project.root) not in first
    (project.root / "rules.yaml").write_text("a: 2")
    assert params_json(spec, params) != first


def test_a_parameter_follows_another_flow_until_it_is_given_itself(project):
    spec = flow_with_params(
        project, '    size: int = dataclasses.field(default=1, metadata={"follows": ("gold.b", "f.b")})'
    )
    config = project.lake().config
    assert resolve_params(spec, config).size == 1
    followed = config.with_params({"gold.b": {"size": 2, "other": 5}})
    assert resolve_params(spec, followed).size == 2
    assert resolve_params(spec, config.with_params({"f.b": {"size": 4}})).size == 4
    assert resolve_params(spec, followed.with_params({"silver.shouts": {"size": 3}})).size == 3


FILES = """
    one: str = dataclasses.field(default="words.txt", metadata={"file": True})
    some: tuple[str, ...] = dataclasses.field(default_factory=lambda: ("a.txt", "/far/b.txt"), metadata={"file": True})
    path: Path = dataclasses.field(default=Path("c.txt"), metadata={"file": True})
    none: str = dataclasses.field(default="", metadata={"file": True})
"""


def test_files_that_are_defaults_start_from_the_configurations_folder(project, monkeypatch, tmp_path_factory):
    spec = flow_with_params(project, "    from pathlib import Path" + FILES)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    params = resolve_params(spec, project.lake().config)
    root = project.root
    assert (params.one, params.some, params.path, params.none) == (
        str(root / "words.txt"), (str(root / "a.txt"), "/far/b.txt"), root / "c.txt", "",
    )  # fmt: skip
    found = [root / "words.txt", root / "a.txt", Path("/far/b.txt"), root / "c.txt"]
    assert parameter_files(params) == found
    with pytest.raises(ConfigError, match=r"one names .*/words\.txt, which is not a file"):
        params_json(spec, params)
