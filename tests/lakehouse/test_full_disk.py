"""A disk that is full: one line that says so, nothing half-visible, and all is well when there is space again.

The disk is a small file system in memory, which only root may mount.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys

import pytest
import yaml

from lakehouse.release.vacuum import vacuum
from tests.lakehouse import words
from tests.lakehouse.broken import say

NAMES = ("bronze.lines", "silver.shouts", "silver.words", "gold.counts")
TEXT = "a:hello|b:two words|c:|d:four score and seven|e:x"

# Fills the disk that Spark works on as soon as Spark is up: its jars have a place there, too.
FILLING = """
import sys
from pathlib import Path
import lakehouse.run.spark_session
from lakehouse.declare import discovery
from lakehouse.cli.main import main

discovery._entry_points = lambda group: []
ship = lakehouse.run.spark_session.distribute_code
def ship_and_fill(*args):
    ship(*args)
    try:
        with Path(sys.argv[1], "ballast").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    except OSError as error:
        print(error.strerror)
lakehouse.run.spark_session.distribute_code = ship_and_fill
sys.exit(main(["run"]))
"""


class Disk:
    """A small disk."""

    def __init__(self, path):
        self.path = path
        self._mount("size=4m")

    def _mount(self, options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.path)]
        subprocess.run(command, check=True, capture_output=True)

    def grow(self):
        self._mount("remount,size=128m")

    def fill(self):
        with contextlib.suppress(OSError), (self.path / "ballast").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    def empty(self):
        (self.path / "ballast").unlink()


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "small"
    path.mkdir()
    try:
        made = Disk(path)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system takes root")
    yield made
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def rows(project, lake):
    """Return the rows of all tables, but for the run that wrote them."""
    return {
        name: [{k: v for k, v in row.items() if k != "run_id"} for row in project.rows(name, lake=lake)]
        for name in NAMES
    }


def digests(project, lake):
    return {name: item.last[1].digest for name, item in project.plan(lake=lake).items()}


def test_a_lake_without_space_stays_as_it_was_and_goes_on(project, capsys, monkeypatch, disk):
    monkeypatch.chdir(project.root)
    lake = str(disk.path / "lake")
    words.write(project, TEXT)
    project.run(lake=lake)
    before = rows(project, lake), digests(project, lake)

    # The disk becomes full while a table is written.
    made = random.Random(1)
    words.land(project, "|".join(f"k{i}:{made.randbytes(300).hex()}" for i in range(20_000)))
    status, out, errors = say(project, capsys, "run", lake=lake)
    assert status == 1
    assert "1 failed, 3 skipped" in out
    assert errors[0] == "mixlake: bronze.lines failed — free space there, and run again"
    assert (rows(project, lake), digests(project, lake)) == before
    assert say(project, capsys, "doctor", lake=lake)[0] == 0

    # It is full to the last byte.
    disk.fill()
    words.land(project, TEXT + "|g:late")
    status, _, errors = say(project, capsys, "run", lake=lake)
    assert status == 1
    assert "failed — free space there, and run again" in errors[0]
    assert (rows(project, lake), digests(project, lake)) == before
    assert say(project, capsys, "sql", "SELECT count(*) FROM silver.words", lake=lake)[0] == 0

    # There is space again, and what the write left that failed goes.
    disk.empty()
    disk.grow()
    left = sum(item.files for item in vacuum(project.lake(lake).catalog, retention_hours=0))
    assert (left > 0) == project.spark  # delta-rs takes back what it could not finish
    status, _, errors = say(project, capsys, "run", lake=lake)
    assert (status, errors) == (0, [])
    project.run(lake="undisturbed")
    assert digests(project, lake) == digests(project, "undisturbed")
    assert rows(project, lake) == rows(project, "undisturbed")


@pytest.mark.usefixtures("spark")
def test_spark_without_space_to_work_in_says_so(project, disk):
    disk.grow()
    words.write(project, TEXT)
    config = project.root / "mixlake.yaml"
    body = yaml.safe_load(config.read_text())
    body["spark"]["spark.local.dir"] = str(disk.path)
    config.write_text(yaml.safe_dump(body))
    ended = subprocess.run(
        [sys.executable, "-c", FILLING, str(disk.path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=project.root,
    )
    assert "No space left on device" in ended.stdout
    assert ended.returncode == 1
    errors = [line for line in ended.stderr.splitlines() if line.startswith("mixlake: ")]
    assert "failed — free space in spark.local.dir, and run again" in errors[0]
    assert "Traceback" not in ended.stderr
    assert not project.lake().catalog.has("silver.shouts")
