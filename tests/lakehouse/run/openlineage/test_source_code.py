from __future__ import annotations

import os
import subprocess

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.run.openlineage.source_code import address, place, text

TABLE = Table("a.b", doc="", columns=[Column("a", pa.string(), "a")])


def git(folder, *words):
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    done = subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True, env={**os.environ, **names}
    )
    return done.stdout.strip()


@pytest.fixture
def kept(tmp_path):
    """A repository with one committed file."""
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", "https://me:token@git.acme.org/data/flows.git")
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "one.py").write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("made.py\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


def test_a_committed_file_has_an_address_a_path_and_a_commit(kept):
    found = place(str(kept / "flows" / "one.py"))
    assert (found.url, found.path) == ("https://git.acme.org/data/flows.git", "flows/one.py")
    assert found.commit == git(kept, "rev-parse", "HEAD")


def test_a_file_that_no_commit_has_as_it_is_has_none(kept):
    (kept / "flows" / "one.py").write_text("x = 2\n")
    (kept / "flows" / "new.py").write_text("x = 1\n")
    (kept / "made.py").write_text("x = 1\n")
    names = ["flows/one.py", "flows/new.py", "made.py", "gone.py"]
    assert [place(str(kept / name)) for name in names] == [None] * 4


def test_without_a_remote_or_a_repository_there_is_none(kept, tmp_path_factory):
    git(kept, "remote", "remove", "origin")
    assert place(str(kept / "flows" / "one.py")) is None
    alone = tmp_path_factory.mktemp("alone") / "one.py"
    alone.write_text("")
    assert place(str(alone)) is None


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("git@github.com:acme/flows.git", "ssh://git@github.com/acme/flows.git"),
        ("ssh://git:pw@host:22/flows.git", "ssh://git@host:22/flows.git"),
        ("https://token@host/flows.git?x=secret", "https://host/flows.git"),
        ("file:///srv/flows.git", None),
        ("/srv/flows.git", None),
        ("../flows.git", None),
    ],
)
def test_addresses_tell_no_secret(remote, expected):
    assert address(remote) == expected


def test_the_source_of_a_function_is_its_text():
    spec = Flow(id="f", kind="frame", writes=TABLE, reads={}, function=git)
    assert text(spec).startswith("def git(folder")
    assert text(Flow(id="f", kind="sql", writes=TABLE, reads={})) == ""
