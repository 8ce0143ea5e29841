from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.errors import MixlakeError


def test_a_folder_of_ones_own_does_not_stand_in_for_an_installed_package(tmp_path):
    for name in ("jobs", "schemas"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('another jobs than mixlake has')\n")
    # The installed command, which finds the project as it is installed.
    told = subprocess.run(
        [Path(sys.executable).with_name("mixlake"), "--lake", str(tmp_path / "lake"), "plan", "--json"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "gold.mixture" in {item["writes"] for item in json.loads(told.stdout)}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("import nothing_like_it", "cannot be imported: No module named 'nothing_like_it'"),
        ("{}['k']", "failed on import: KeyError: 'k'"),
        ("import json; json.loads('{')", "failed on import: JSONDecodeError"),
        ("raise SystemExit(3)", "failed on import: SystemExit: 3"),
        ("x = (", "failed on import: SyntaxError: '(' was never closed"),
        ("from lakehouse.contract import Column; Column('a b', None, 'A.')", "column name 'a b' is not allowed"),
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
