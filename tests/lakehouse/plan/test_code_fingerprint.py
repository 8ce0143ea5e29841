from __future__ import annotations

import pytest

from lakehouse.errors import FlowError
from lakehouse.plan.code_fingerprint import code_fingerprint
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


USER = ModuleText("""
import pyarrow as pa
import pyarrow.compute as pc
from lakehouse.declare.flow import flow
from PACKAGE.tables import lines, shouts

@flow(writes=shouts, reads={"lines": lines})
def shout(batch, params):
    from PACKAGE import helper
    from PACKAGE.helper import Thing
    return helper.twice(batch), Thing().size()
""")


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
        fingerprint(
            project, user=USER.replace('{"lines": lines}', '{"lines": lines}, source_key_sql="concat(sample_id)"')
        )
        != first
    )


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


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            "external=lambda params: 1 / 0",
            r"shout: external failed: ZeroDivisionError: division by zero \(.*flows\.py:\d+\)",
        ),
        ("models=3", r"shout: models is 3, which must be a function"),
        ("models=lambda params: 3", r"shout: models failed: TypeError: .*\(.*flows\.py:\d+\)"),
    ],
)
def test_a_function_of_the_flow_that_fails_is_named(project, declared, message):
    words.write(project)
    project.module("flows", words.FLOWS.replace('tags=["loud"]', f'tags=["loud"], {declared}'))
    with pytest.raises(FlowError, match=message):
        project.lake().plan(("silver.shouts",))
