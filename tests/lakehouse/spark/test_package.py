from __future__ import annotations

import json
import zipfile

import pytest
import yaml

from lakehouse.cli.main import main
from lakehouse.delta.store import s3
from tests.lakehouse import words


@pytest.fixture
def lines(project, monkeypatch):
    made = words.write(project)
    (made.root / "greeting.txt").write_text("good day")
    monkeypatch.chdir(made.root)
    return made


def configure(project, **more):
    file = project.root / "mixlake.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | more))


def packed(capsys):
    assert main(["package", "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def properties(project):
    lines = (project.root / "dist" / "spark.conf").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines)


def test_all_that_a_driver_elsewhere_needs_is_packed(lines, capsys):
    made = packed(capsys)
    with zipfile.ZipFile(lines.root / "dist" / "mixlake.zip") as held:
        found = set(held.namelist())
    assert {
        "mixlake.yaml",
        "flows/gold.counts.sql",
        f"{lines.package}/flows.py",
        "lakehouse/cli/spark_submit.py",
    } <= found
    assert "--py-files dist/mixlake.zip dist/main.py" in made["command"]
    settings = properties(lines)
    assert settings["spark.jars.packages"].startswith("io.delta:")
    assert "spark.master" not in settings
    assert settings["spark.executor.memoryOverheadFactor"] == "0.4"


FILES = """    mark: str = MARK
    greeting: str = dataclasses.field(default="words/greeting.txt", metadata={"file": True})
    more: tuple[str, ...] = dataclasses.field(default=(), metadata={"file": True})
"""


def test_files_of_parameters_are_packed_defaults_among_them(lines, capsys, monkeypatch):
    lines.module("flows", words.FLOWS.replace("    mark: str = MARK\n", FILES))
    words_folder = lines.root / "words"
    words_folder.mkdir()
    (words_folder / "greeting.txt").write_text("good day")
    elsewhere = lines.root.parent / "elsewhere.txt"
    elsewhere.write_text("far away")
    configure(lines, params={"silver.shouts": {"more": ["greeting.txt", str(elsewhere)]}})
    # Wherever the command is called in the project.
    monkeypatch.chdir(words_folder)
    lines.unload()
    made = packed(capsys)
    with zipfile.ZipFile(words_folder / "dist" / "mixlake.zip") as held:
        assert {"words/greeting.txt", "greeting.txt"} <= set(held.namelist())
    assert made["not_packed"] == [f"silver.shouts: {elsewhere}"]
    lines.unload()
    assert main(["package"]) == 0
    assert f"must be there where this runs: silver.shouts: {elsewhere}" in capsys.readouterr().err


def test_a_lake_on_s3_takes_its_settings_and_jar_along(lines, capsys):
    configure(lines, lake="s3://b/lake", storage={"endpoint_url": "https://s3.example.org"})
    made = packed(capsys)
    settings = properties(lines)
    assert settings["spark.hadoop.fs.s3a.bucket.b.endpoint"] == "https://s3.example.org"
    assert settings["spark.jars"] == str(lines.root / "dist" / s3.LOG_STORE_JAR.name)
    assert any(file.endswith(s3.LOG_STORE_JAR.name) for file in made["files"])


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"storage": {"aws_secret_access_key": "w"}}, "AWS_SECRET_ACCESS_KEY"),
        ({"spark": {"spark.hadoop.fs.s3a.secret.key": "w"}}, "spark.hadoop.fs.s3a.secret.key"),
    ],
)
def test_a_secret_does_not_travel(lines, capsys, more, named):
    configure(lines, **more)
    assert main(["package"]) == 2
    message = capsys.readouterr().err
    assert named in message
    assert "\n" not in message.strip()
    assert not (lines.root / "dist" / "mixlake.zip").exists()
