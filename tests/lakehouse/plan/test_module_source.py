from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.errors import FlowError
from lakehouse.plan import module_source
from tests.module_text import ModuleText

CODE = ModuleText("""
import json as j
from os.path import *
from .other import thing as renamed
LIMIT = 3

def f(x):
    'Doc.'
    return renamed(x, j.dumps(LIMIT))
""")


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "acme_source"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "m.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield folder
    for name in [name for name in sys.modules if name.startswith("acme_source")]:
        del sys.modules[name]


def read_afresh():
    module_source._module.cache_clear()
    return module_source.find_module("acme_source.m")


def test_definitions_imports_and_what_they_use(package):
    found = read_afresh()
    assert set(found.definitions) == {"LIMIT", "f"}
    assert found.imports == {"j": (("json", ""),), "renamed": (("acme_source.other", "thing"),)}
    assert found.stars == ("os.path",)
    assert {("renamed",), ("j", "dumps"), ("LIMIT",)} <= set(found.definitions["f"].names)
    assert "Doc" not in found.definitions["f"].text


def test_what_was_found_is_kept_by_the_text_of_the_file(package, monkeypatch):
    first = read_afresh()
    assert list(package.glob("__pycache__/m.*.mixlake"))
    with monkeypatch.context() as patched:
        patched.setattr(module_source, "_read", lambda *_: pytest.fail("it was parsed again"))
        assert read_afresh() == first
    (package / "m.py").write_text(CODE.replace("LIMIT = 3", "LIMIT = 4"))
    second = read_afresh()
    assert second.definitions["LIMIT"] != first.definitions["LIMIT"]
    assert second.definitions["f"] == first.definitions["f"]


def test_a_damaged_or_foreign_file_is_not_believed(package):
    first = read_afresh()
    (kept,) = package.glob("__pycache__/m.*.mixlake")
    for text in (b"", b"nonsense", kept.read_bytes()[:40]):
        kept.write_bytes(text)
        assert read_afresh() == first


def test_nothing_is_kept_where_python_keeps_nothing(package, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    read_afresh()
    assert not list(package.rglob("*.mixlake"))


def test_modules_in_an_archive_are_read(package):
    archive = package.parent / "code.zip"
    program = (
        "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], 'w'); z.writestr('acme_source/__init__.py', '');"
        "z.write(sys.argv[2], 'acme_source/m.py'); z.close(); sys.path.insert(0, sys.argv[1]);"
        "from lakehouse.plan.module_source import find_module; print(sorted(find_module('acme_source.m').definitions))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(archive), str(package / "m.py")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert ended.stdout.strip() == "['LIMIT', 'f']"


def test_a_file_that_does_not_parse_is_named_with_its_line(package):
    (package / "m.py").write_text("x = 1\ny = = 2\n")
    with pytest.raises(FlowError, match=r"m\.py:2 does not parse"):
        read_afresh()
