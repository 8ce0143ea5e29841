"""How packing is called and what it prints; `tests/lakehouse/spark/test_package.py` has what is packed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.lakehouse import words

FILES = {"mixlake.zip", "main.py", "spark.conf"}


@pytest.fixture
def lines(project):
    return words.write(project)


def test_the_files_and_the_command_to_submit_them_are_printed(call, lines):
    *written, heading, command = call("package").splitlines()
    assert {line.split()[1] for line in written} == {f"dist/{name}" for name in FILES}
    assert all(line.startswith("wrote ") and line.endswith(" kB)") for line in written)
    assert heading == "submit it:"
    said = shlex.split(command)
    assert said[0] == "spark-submit"
    assert said[said.index("--py-files") :][:3] == ["--py-files", "dist/mixlake.zip", "dist/main.py"]
    assert said[said.index("--lake") + 1] == str(lines.root / "lake")
    assert said[-2:] == ["run", "SELECT"]


def test_another_folder_is_made_and_named_in_the_command(call, lines):
    made = json.loads(call("package", "--output", "out/for spark", "--json"))
    assert set(made) == {"files", "command", "not_packed"}
    assert {Path(file).name for file in made["files"]} == FILES
    assert all((lines.root / file).is_file() for file in made["files"])
    assert "out/for spark/main.py" in shlex.split(made["command"])


def test_a_lake_of_the_environment_is_left_to_the_environment(call, lines, monkeypatch):
    monkeypatch.setenv("MIXLAKE_LAKE", "s3://somewhere/else")
    assert "--lake" not in json.loads(call("package", "--json"))["command"]


def test_a_file_in_the_place_of_the_folder_is_refused(call, lines):
    (lines.root / "dist").write_text("")
    assert "is a file" in call("package", status=2)
