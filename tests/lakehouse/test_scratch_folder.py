from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lakehouse import scratch_folder as module
from lakehouse.scratch_folder import new_scratch_folder, scratch_folder, sweep_scratch_folders


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Keep temporary files in a folder of the test's own; folders count as old at once."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(module, "_UNLOCKED", -1.0)
    return tmp_path


def owner(tmp_path):
    """Start a process that makes a folder and waits."""
    script = "from lakehouse.scratch_folder import new_scratch_folder as new; print(new('sql'), flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    folder = Path(process.stdout.readline().strip())
    assert folder.parent == tmp_path
    (folder / "spilled").write_text("rows")
    return process, folder


def test_a_folder_is_this_users_alone_and_goes_at_the_end(tmp_path):
    with scratch_folder("sql") as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "spilled").write_text("rows")
        assert sweep_scratch_folders() == []
        assert folder.is_dir()
    assert not folder.exists()


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    alive, used = owner(tmp_path)
    killed, left = owner(tmp_path)
    (tmp_path / "mixlake-scratch-without-a-lock").mkdir()
    (tmp_path / "someone-elses").mkdir()
    try:
        assert sweep_scratch_folders() == []
        killed.kill()
        killed.wait()
        assert sweep_scratch_folders() == [left]
        assert not left.exists()
        assert (used / "spilled").exists()
        alive.communicate("\n")
        assert not used.exists()  # by its owner
        assert {path.name for path in tmp_path.iterdir()} == {"mixlake-scratch-without-a-lock", "someone-elses"}
    finally:
        for process in (alive, killed):
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def test_a_folder_without_a_lock_is_swept_after_a_day(tmp_path, monkeypatch):
    (tmp_path / "mixlake-scratch-sql-x").mkdir()
    assert sweep_scratch_folders() == []
    monkeypatch.setattr(module, "_WITHOUT_LOCK", -1.0)
    assert [path.name for path in sweep_scratch_folders()] == ["mixlake-scratch-sql-x"]


def test_a_forked_process_leaves_the_folders_of_its_parent(monkeypatch):
    folder = new_scratch_folder("flow")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    module.delete_own_scratch_folders()
    assert folder.is_dir()
    monkeypatch.undo()
    module.delete_scratch_folder(folder)
    assert not folder.exists()
