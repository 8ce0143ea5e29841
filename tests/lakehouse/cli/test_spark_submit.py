"""A driver that got the code as a zip runs it as from a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lakehouse.cli import spark_submit
from tests.lakehouse import words

# What a driver finds before and after the code is unpacked, and whether the flows' files are beside their code.
UNPACK = """
import json, os, sys
from pathlib import Path

sys.path[0:0] = sys.argv[1:]
from lakehouse.cli.spark_submit import unpack

unpack()
import acme, lakehouse

print(json.dumps({
    "path": sys.path[: len(sys.argv) - 1],
    "code": lakehouse.__file__,
    "beside": (Path(acme.__file__).parent / "flow.sql").read_text(),
    "config": os.environ.get("MIXLAKE_CONFIG", ""),
}))
"""


@pytest.fixture
def zips(tmp_path):
    """A zip of the engine's entry with a team's package and configuration, and one of a library."""
    code, library = tmp_path / "mixlake.zip", tmp_path / "library.zip"
    with zipfile.ZipFile(code, "w") as made:
        for name in ("lakehouse/__init__.py", "lakehouse/cli/__init__.py", "acme/__init__.py"):
            made.writestr(name, "")
        made.write(spark_submit.__file__, "lakehouse/cli/spark_submit.py")
        made.writestr("acme/flow.sql", "SELECT 1")
        made.writestr("mixlake.yaml", "modules: [acme]\n")
    with zipfile.ZipFile(library, "w") as made:
        made.writestr("library/__init__.py", "")
    return [str(code), str(library)]


def unpacked(zips, folder, **variables):
    folder.mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if key != "MIXLAKE_CONFIG"}
    ended = subprocess.run(
        [sys.executable, "-c", UNPACK, *zips],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment | variables,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_zip_with_the_code_is_unpacked_for_the_time_of_the_process(zips, tmp_path):
    found = unpacked(zips, tmp_path / "away")
    folder, library = found["path"]
    assert library == zips[1]
    assert found["code"] == str(Path(folder) / "lakehouse" / "__init__.py")
    assert found["beside"] == "SELECT 1"
    assert found["config"] == str(Path(folder) / "mixlake.yaml")
    assert not Path(folder).exists()


def test_a_configuration_of_the_drivers_own_counts_before_that_of_the_zip(zips, tmp_path):
    chosen = str(tmp_path / "chosen.yaml")
    assert unpacked(zips, tmp_path / "away", MIXLAKE_CONFIG=chosen)["config"] == chosen
    (tmp_path / "mixlake.yaml").write_text("lake: here\n")
    assert unpacked(zips, tmp_path / "away")["config"] == ""


def test_code_in_a_folder_stays_where_it_is(zips, monkeypatch):
    path = [*sys.path, *zips]
    monkeypatch.setattr(sys, "path", path)
    spark_submit.unpack()
    assert sys.path == [*path]
    assert "lakehouse" in sys.modules


def test_the_exit_status_is_the_command_lines(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["main.py", "tabels"])
    assert spark_submit.main() == 2
    assert "did you mean tables?" in capsys.readouterr().err


def test_a_driver_that_has_only_the_package_runs_the_command_line(call, project, tmp_path_factory):
    words.write(project)
    call("package")
    away = tmp_path_factory.mktemp("away")
    # As spark-submit starts it: the zip on the path, in a folder that holds no configuration.
    code = (
        f"import sys, runpy; sys.path.insert(0, {str(project.root / 'dist' / 'mixlake.zip')!r})\n"
        f"sys.argv = ['main.py', *sys.argv[1:], '--json']\n"
        f"runpy.run_path({str(project.root / 'dist' / 'main.py')!r}, run_name='__main__')"
    )

    def submitted(*argv):
        ended = subprocess.run(
            [sys.executable, "-c", code, *argv], capture_output=True, text=True, check=False, cwd=away
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    assert submitted("run", "gold.counts", "--dry-run")[0]["flow"] == "sql.gold.counts"
    assert submitted("plan", "gold.quotas")[0]["state"] == "missing"  # it reads quota.yaml beside its code
