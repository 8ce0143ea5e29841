"""A team's packages that have the names of mixlake's: what is found, what is refused, in each way of starting."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lakehouse.cli.main import main
from lakehouse.declare import own_packages
from lakehouse.declare.own_packages import HOME, hidden_by, place_of, require_own
from lakehouse.errors import ConfigError
from lakehouse.spark.code_archive import archive, packages

TABLE = """
import pyarrow as pa
from lakehouse import Column, Table
table = Table("acme.NAME", doc="Own.", columns=[Column("id", pa.string(), "Identity.")], key=["id"])
"""
COUNT = """
import json
from pathlib import Path
from lakehouse.declare.config import load_config
from lakehouse.declare.discovery import load_registry
import lakehouse
registry = load_registry(load_config())
place = str(Path(lakehouse.__file__).parents[1])
print(json.dumps({"place": place, "flows": len(registry.flows), "views": [str(v) for v in registry.views],
                  "own": sorted(name for name in registry.tables if name.startswith("acme."))}))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A team's folder; what it imports is unloaded afterwards."""
    before = dict(sys.modules), list(sys.path)
    (tmp_path / "team").mkdir()
    monkeypatch.chdir(tmp_path / "team")
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)
    yield tmp_path / "team"
    for name in set(sys.modules) - set(before[0]):
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    sys.path[:] = before[1]


def package(folder, name, **modules):
    made = folder / name
    made.mkdir()
    (made / "__init__.py").write_text("")
    for module, text in modules.items():
        (made / f"{module}.py").write_text(text)
    return made


def python(folder, *words, path=(), text=COUNT):
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "MIXLAKE_LAKE", "MIXLAKE_CONFIG"}}
    if path:
        environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    words = words or ("-c", text)
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, cwd=folder, env=environment
    )


def test_a_package_that_comes_before_mixlakes_is_refused_with_both_places(folder):
    name = "jobs"
    package(folder, name)
    (folder / "script.py").write_text(COUNT)
    # As a script beside it, by PYTHONPATH, as a module from that folder, and where the script has imported it before.
    (folder / "before.py").write_text(f"import {name}\n{COUNT}")
    ways = [
        python(folder, "script.py"),
        python(folder, "before.py"),
        python(folder, path=["."]),
        python(folder, "-m", "lakehouse.cli.main", "plan"),
    ]
    for ended in ways:
        assert ended.returncode
        message = ended.stderr.strip().split("\n")[-1]
        assert f"two packages are called {name}: mixlake's in {HOME / name}, and another in {folder / name}" in message
        assert f"rename the other (say acme_{name})" in message
    shutil.move(folder / name, folder / "schemas")
    assert f"another in {folder / 'schemas'}" in python(folder, path=["."]).stderr
    shutil.move(folder / "schemas", folder / name)
    # The command line, for which the folder is not on Python's path, and a folder that is no package, are fine.
    assert main(["tables"]) == 0
    (folder / name / "__init__.py").unlink()
    found = python(folder, path=["."])
    assert json.loads(found.stdout)["flows"] > 20, found.stderr


def test_a_verb_of_a_package_that_another_hides_is_refused(folder):
    package(folder, "trainer")
    ended = python(folder, "-m", "lakehouse.cli.main", "train", "tiny")
    assert (ended.returncode, "two packages are called trainer" in ended.stderr) == (2, True)
    # Its help is read from its own file; and what needs no trainer runs.
    shown = python(folder, "-m", "lakehouse.cli.main", "--help")
    assert "Train a model by RECIPE" in " ".join(shown.stdout.split())
    assert python(folder, "-m", "lakehouse.cli.main", "plan").returncode == 0


def test_a_teams_package_works_where_no_flow_needs_mixlakes_of_that_name(folder):
    for name in ("sql", "trainer"):
        package(folder, name, tables=TABLE.replace("NAME", name))
    (folder / "mixlake.yaml").write_text("modules: [sql.tables, trainer.tables]\n")
    found = json.loads(python(folder).stdout)
    assert found["own"] == ["acme.sql", "acme.trainer"]
    assert found["flows"] > 20
    assert found["views"]
    assert all(Path(view).is_relative_to(HOME / "sql") for view in found["views"])
    with pytest.raises(ConfigError, match="two packages are called sql"):
        packages(["sql.tables"], folder)


@pytest.mark.parametrize("module", ["jobs", "jobs.flows", "schemas"])
def test_a_configuration_that_names_a_package_of_flows_is_refused(folder, module, capsys):
    made = package(folder, module.partition(".")[0], flows=TABLE.replace("NAME", "x"))
    (folder / "mixlake.yaml").write_text(f"modules: [{module}]\n")
    assert main(["plan"]) == 2
    assert f"another in {made}" in capsys.readouterr().err


def test_a_module_that_is_looked_for_in_mixlakes_package_is_explained(folder, capsys):
    made = package(folder, "jobs", mine="y = 1\n")
    package(folder, "acme_mine", flows="from lakehouse import flow\nfrom jobs.mine import y\n")
    (folder / "mixlake.yaml").write_text("modules: [acme_mine.flows]\n")
    assert main(["plan"]) == 2
    message = capsys.readouterr().err
    assert f"another in {made}" in message
    assert "flows.py:2" in message


def test_another_copys_files_are_found_beside_its_engine(tmp_path):
    site, away = tmp_path / "site", tmp_path / "away"
    away.mkdir()
    # As a wheel, or the zip for spark-submit, is unpacked; another copy is installed in this environment.
    with zipfile.ZipFile(io.BytesIO(archive(packages()))) as made:
        made.extractall(site)
    found = json.loads(python(away, path=[site]).stdout)
    assert (found["place"], found["flows"] > 20) == (str(site), True)
    assert all(Path(view).is_relative_to(site / "sql") for view in found["views"])
    package(away, "jobs")
    assert f"mixlake's in {site / 'jobs'}, and another in {away / 'jobs'}" in python(away, path=[".", site]).stderr


def test_an_engine_without_its_installation_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [])
    with pytest.raises(ConfigError, match="is not installed in the environment of"):
        own_packages.entry_points("mixlake.modules")


@pytest.mark.parametrize("editable", [False, True])
def test_a_plugins_package_is_found_by_its_distributions_record(folder, tmp_path, monkeypatch, editable):
    site = tmp_path / "site"
    info = site / "plug-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1\n")
    home = tmp_path / "src" if editable else site
    home.mkdir(exist_ok=True)
    own = package(home, "plugged")
    if editable:
        (info / "RECORD").write_text("plug-1.dist-info/METADATA,,\n")
        (info / "direct_url.json").write_text(json.dumps({"url": f"file://{home}", "dir_info": {"editable": True}}))
    else:
        (info / "RECORD").write_text("plugged/__init__.py,,\n")
    point = EntryPoint("plugged", "plugged.flows", "mixlake.modules")._for(importlib.metadata.Distribution.at(info))
    assert place_of(point) == own
    monkeypatch.syspath_prepend(str(home))
    require_own(point)
    other = package(folder, "plugged")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(ConfigError, match=f"plug's in {own}, and another in {other}"):
        require_own(point)


def test_what_a_folder_would_hide_on_a_workers_path_is_known(folder):
    assert hidden_by(folder) == []
    package(folder, "schemas")
    (folder / "jobs").mkdir()
    assert hidden_by(folder) == ["schemas"]
    assert hidden_by(HOME) == []
