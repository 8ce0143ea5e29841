"""A lake that this user may not read or write: one line that says so, and nothing taken for empty or damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.lakehouse.lakes import lake_at, trained

# The rights by which root passes over the modes of files.
WITHOUT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    trained(made)
    yield made
    _chmod(tmp_path, 0o755)


def _chmod(root, mode):
    root.chmod(mode)
    for folder, folders, files in root.walk():
        for name in (*folders, *files):
            (folder / name).chmod(mode)


def refused(lake, *argv):
    """Return the line with which a command is refused; a plan also says which flows would fail."""
    root = os.geteuid() == 0
    if root and (
        shutil.which("setpriv") is None
        or subprocess.run([*WITHOUT, "true"], capture_output=True, check=False).returncode != 0
    ):
        pytest.skip("root passes over the modes of files, and may not give that up here")
    command = [*(WITHOUT if root else []), sys.executable, "-m", "lakehouse.cli.main", "--lake", lake.uri, *argv]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=lake.config.root.parent)
    assert done.returncode == 1
    assert done.stderr.startswith("mixlake: ")
    others = [line for line in done.stderr.splitlines()[1:] if not line.startswith("mixlake: would fail: ")]
    assert not others or argv == ("plan",)
    assert "\x1b" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("argv", "table"),
    [
        (["retract", "--source", "src", "--reason", "x"], "ledger.retracted"),
        (["release", "create", "mix-2"], "ledger.releases"),
        (["release", "drop", "mix-1"], "ledger.releases"),
    ],
)
def test_what_writes_to_a_lake_that_is_read_only_is_refused_in_one_line(lake, tmp_path, argv, table):
    _chmod(tmp_path / "lake", 0o555)
    assert f"{table} cannot be written: permission denied at {lake.uri}/ledger" in refused(lake, *argv)


@pytest.mark.parametrize(
    ("argv", "table"),
    [(["quota"], "gold.mixture"), (["plan"], "gold"), (["show", "gold.samples"], "gold.samples")],
)
def test_a_folder_that_may_not_be_looked_into_is_not_taken_for_an_empty_one(lake, tmp_path, argv, table):
    (tmp_path / "lake" / "gold").chmod(0)
    message = refused(lake, *argv)
    assert f"{table}" in message
    assert f"cannot be read: permission denied at {lake.uri}/gold" in message


def test_files_that_may_not_be_read_are_not_called_damaged(lake, tmp_path):
    samples = tmp_path / "lake" / "gold" / "samples"
    next(samples.glob("*.parquet")).chmod(0)
    assert "gold.samples cannot be read: permission denied" in refused(lake, "show", "gold.samples")
    commit = samples / "_delta_log" / f"{0:020d}.json"
    commit.chmod(0)
    for argv in (["show", "gold.samples"], ["plan"]):
        assert f"gold.samples cannot be read: permission denied at {commit}" in refused(lake, *argv)
