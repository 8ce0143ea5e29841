from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lakehouse.errors import MixlakeError
from tests.module_text import ModuleText


def test_a_folder_of_ones_own_does_not_stand_in_for_an_installed_package(tmp_path):
    for name in ("jobs", "schemas"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('another jobs than mixlake has')\n")
    # The installed command, which finds the project as it is installed.
    ended = subprocess.run(
        [Path(sys.executable).with_name("mixlake"), "--lake", str(tmp_path / "lake"), "plan", "--json"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "gold.mixture" in {item["writes"] for item in json.loads(ended.stdout)}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("import nothing_like_it", "cannot be imported: No module named 'nothing_like_it'"),
        ("{}['k']", "failed on import: KeyError: 'k'"),
        ("import json; json.loads('{')", "failed on import: JSONDecodeError"),
        ("raise SystemExit(3)", "failed on import: SystemExit: 3"),
        ("x = (", "failed on import: SyntaxError: '(' was never closed"),
        (
            "from lakehouse.declare.column import Column; Column('a b', None, 'A.')",
            "column name 'a b' is not allowed",
        ),
    ],
)
def test_a_module_that_fails_is_told_with_its_file_and_line(project, line, says):
    project.module("flows", "from PACKAGE import helper\n")
    helper = project.root / project.package / "helper.py"
    helper.write_text(f"one = 1\n{line}\n")
    with pytest.raises(MixlakeError) as raised:
        _ = project.lake().registry
    assert says in raised.value.message
    assert raised.value.message.endswith(f"({helper}:2)")


TABLES = ModuleText("""
import pyarrow as pa
from lakehouse import Check, Column, Table

N = Column("n", pa.int64(), "A number; m > 1 is no check of it.")
numbers = Table(
    "bronze.numbers", doc="Numbers.", columns=[N],
    checks=[Check("n is large", CHECK)],
)
""")


@pytest.mark.parametrize(("check", "line"), [('"m > 1"', 9), ('"m > "\n    "1"', 8)])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_broken_check_is_told_with_its_line_or_its_tables(project, check, line, zipped):
    project.module("tables", TABLES.replace("CHECK", check))
    place = project.root
    if zipped:
        place = project.root / "code.zip"
        with zipfile.ZipFile(place, "w") as archive:
            for name in ("__init__.py", "tables.py"):
                archive.write(project.root / project.package / name, f"{project.package}/{name}")
        shutil.rmtree(project.root / project.package)
        sys.path.insert(0, str(place))
    try:
        with pytest.raises(MixlakeError) as raised:
            _ = project.lake().registry
    finally:
        if zipped:
            sys.path.remove(str(place))
    assert "the check 'm > 1' names 'm'" in raised.value.message
    assert raised.value.message.endswith(f"({place}/{project.package}/tables.py:{line})")


def test_a_package_may_lie_in_a_zip(project, monkeypatch):
    project.module("tables", TABLES.replace("CHECK", '"n > 1"'))
    project.modules = [project.package]
    project._configure()
    with zipfile.ZipFile(project.root / "code.zip", "w") as archive:
        for name in ("__init__.py", "tables.py"):
            archive.write(project.root / project.package / name, f"{project.package}/{name}")
    shutil.rmtree(project.root / project.package)
    monkeypatch.syspath_prepend(str(project.root / "code.zip"))
    assert "bronze.numbers" in project.lake().registry.tables
