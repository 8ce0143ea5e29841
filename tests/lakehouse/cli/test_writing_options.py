"""Every option by which a verb writes a file for its user leaves what was there where it fails."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lakehouse.cli.main import cli
from lakehouse.spark import package
from tests.lakehouse import words

# The options that name something to write; `trainer` writes its run folder by drafts of its own.
KNOWN = {(verb, "--output") for verb in ("sql", "package", "export", "report", "train", "demo")}
FAILING = {
    "an unknown column": "SELECT nope FROM gold.samples",
    "wrong SQL": "SELEC 1",
    "an error midway": "SELECT CASE WHEN range = 50000 THEN error('late') END AS x FROM range(60000)",
    "a value without a form": "SELECT INTERVAL 1 DAY AS i",
}
FORMS = ["csv", "json", "arrow", "parquet", "table"]


def _writing(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(command, click.Group):
        for child in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), child)
            assert found is not None
            yield from _writing(found, f"{name} {child}".strip())
        return
    for option in (found for found in command.params if isinstance(found, click.Option)):
        is_path = isinstance(option.type, click.Path) and not option.type.exists
        is_file = isinstance(option.type, click.File) and "r" not in option.type.mode
        if is_path or is_file or "--output" in option.opts:
            yield name, max(option.opts, key=len)


def test_each_writing_option_is_known_here():
    assert set(_writing(cli, "")) == KNOWN


def parts(folder):
    return list(folder.rglob("*.part"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("why", FAILING)
def test_a_failed_answer_touches_nothing(call, lake, tmp_path, why, form):
    if why == "a value without a form" and form != "parquet":
        pytest.skip("it has one")
    out, link, new = tmp_path / "out", tmp_path / "link", tmp_path / "new"
    out.write_text("before")
    link.symlink_to(out)
    for place in (out, link, new):
        call("sql", FAILING[why], "--format", form, "--output", str(place), status=2)
    assert out.read_text() == "before"
    assert link.is_symlink()
    assert not new.exists()
    assert parts(tmp_path) == []


def test_a_failed_answer_leaves_pipes_and_devices(call, lake, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    call("sql", "SELECT nope", "--format", "csv", "--output", str(pipe), status=2)
    reader.join(10)
    assert found == [b""]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    call("sql", "SELECT nope", "--format", "csv", "--output", os.devnull, status=2)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_an_answer_goes_through_links_pipes_and_devices(call, lake, tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to("made")
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    for place in (pipe, link, Path(os.devnull)):
        call("sql", "SELECT 1 AS x", "--format", "csv", "--output", str(place))
    reader.join(10)
    assert found == [b"x\n1\n"]
    assert link.is_symlink()
    assert (tmp_path / "made").read_text() == "x\n1\n"
    assert call("sql", "SELECT 1 AS x", "--format", "csv", "--output", "-") == "x\n1\n"
    assert (
        call("sql", "SELECT 1 AS x", "--output", str(tmp_path / "no" / "x"), status=1).count(str(tmp_path / "no")) == 1
    )


def test_a_package_that_fails_leaves_the_one_before(call, project, monkeypatch):
    lines = words.write(project)
    call("package")
    before = {path.name: path.read_bytes() for path in (lines.root / "dist").iterdir()}
    monkeypatch.setattr(package, "archive", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert "free space there" in call("package", status=1)
    monkeypatch.undo()
    monkeypatch.chdir(lines.root)
    monkeypatch.setattr(package, "_MAIN", "other")
    conf = lines.root / "dist" / "spark.conf"
    conf.unlink()
    conf.mkdir()
    call("package", status=1)
    conf.rmdir()
    del before["spark.conf"]
    assert {path.name: path.read_bytes() for path in (lines.root / "dist").iterdir()} == before
