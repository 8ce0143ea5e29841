from __future__ import annotations

import dataclasses
import datetime as dt
import re

import pytest

from lakehouse.declare.config import Config
from lakehouse.declare.discovery import load_registry
from lakehouse.declare.params import declared_types, fits, params_json, resolve_params
from lakehouse.errors import ConfigError
from lakehouse.plan.code_fingerprint import code_fingerprint
from tests.lakehouse import words

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


def fingerprint(project, factor=2, size=1, doc="'Doc.'", user=USER):
    project.module("tables", words.TABLES)
    project.module("helper", HELPER.format(factor=factor, size=size, doc=doc))
    project.module("flows", user)
    registry = project.lake().registry
    spec = next(iter(registry.flows.values()))
    return code_fingerprint(spec, registry.roots)


def test_follows_constants_functions_and_classes_of_other_modules(project):
    first = fingerprint(project)
    assert fingerprint(project, factor=3) != first
    assert fingerprint(project, size=2) != first
    assert fingerprint(project) == first


def test_leaves_out_docstrings_comments_layout_and_what_is_not_reached(project):
    first = fingerprint(project)
    assert fingerprint(project, doc="'''Another text.'''") == first
    assert (
        fingerprint(project, user=USER.replace("from PACKAGE import helper", "from PACKAGE import helper  # why"))
        == first
    )
    assert fingerprint(project, user=USER + "\n\ndef other():\n    return 5\n") == first


def test_the_declaration_counts(project):
    first = fingerprint(project)
    assert (
        fingerprint(project, user=USER.replace('{"lines": lines}', '{"lines": lines}, origin="concat(sample_id)"'))
        != first
    )


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


TYPED = """
    size: int = 1
    share: float = 0.5
    exact: bool = False
    mark: str = "!"
    names: tuple[str, ...] = ()
    least: int | None = None
    other: object = None
    unknown: Later = None
"""


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


def test_parameters_that_mixlake_comes_with_are_of_their_types():
    for spec in load_registry(Config(lake="lake")).flows.values():
        kinds = declared_types(spec.params)
        for field in dataclasses.fields(spec.params):
            assert fits(field.default, kinds[field.name]), (spec.id, field.name)
            assert not fits(object(), kinds[field.name])


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


PLAIN = """
from lakehouse.declare.flow import flow
from PACKAGE.tables import lines, shouts
{imports}

@flow(writes=shouts, reads={{"lines": lines}})
def shout(batch, params):
    return {uses}
"""
ABSENT = "try:\n    import no_such_module_anywhere\n"


@pytest.mark.parametrize(
    ("imports", "uses"),
    [
        ("from .helper import twice", "twice(batch)"),
        ("from . import helper", "helper.twice(batch)"),
        ("from . import helper as h", "h.twice(batch)"),
        ("from PACKAGE.helper import *", "twice(batch)"),
        ("from .again import *", "twice(batch)"),
        ("import PACKAGE.helper", "PACKAGE.helper.twice(batch)"),
        (
            "try:\n    from no_such_module_anywhere import twice\nexcept ImportError:\n    from .helper import twice",
            "twice(batch)",
        ),
        (
            "try:\n    from .helper import twice\nexcept ImportError:\n    from json import loads as twice",
            "twice(batch)",
        ),
        (ABSENT + "except ImportError:\n    from .helper import FACTOR\n    F = FACTOR", "F"),
        ("from .helper import FACTOR\ntry:\n    pass\nfinally:\n    F = FACTOR", "F"),
        ("from .helper import FACTOR\nimport contextlib\nwith contextlib.suppress(OSError):\n    F = FACTOR", "F"),
        ("from .helper import FACTOR\nimport contextlib\nwith contextlib.nullcontext(FACTOR) as F:\n    pass", "F"),
        ("from .helper import FACTOR\nfor F in [FACTOR]:\n    G = F", "G"),
        ("from .helper import FACTOR\nF = 0\nwhile not F:\n    F = FACTOR", "F"),
        ("from .helper import FACTOR\nmatch FACTOR:\n    case F:\n        G = F", "G"),
        ("from .helper import FACTOR\nclass Base:\n    x = FACTOR\nclass Thing(Base):\n    pass", "Thing()"),
        ("from .helper import twice\ndef deco(f):\n    twice(1)\n    return f\n@deco\ndef g():\n    return 1", "g()"),
        ("from .helper import FACTOR\ndef g(x=FACTOR):\n    return x", "g()"),
    ],
)
def test_follows_every_way_to_a_name(project, imports, uses):
    project.module("again", "from .helper import *\n")
    user = PLAIN.format(imports=imports, uses=uses)
    first = fingerprint(project, user=user)
    assert fingerprint(project, factor=3, user=user) != first
    assert fingerprint(project, size=2, doc="'Other.'", user=user) == first
