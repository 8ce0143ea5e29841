"""What ``mixlake demo`` releases, trains on and goes on with; its flows and training have tests of their own."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner

from lakehouse.cli.context import Context
from lakehouse.delta.append import append_rows
from lakehouse.delta.content_digest import Digest
from lakehouse.errors import UsageError
from lakehouse.ledger import tables
from lakehouse.ledger.releases import drop_release, list_releases
from lakehouse.release.create import create_release
from lakehouse.spark import session
from tests.lakehouse.lakes import lake_at, note, write
from trainer.cli import demo

ROWS = pa.table({"n": [1, 2, 3]})


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    write(made, "silver.b", ROWS, note("silver.b"))
    write(made, "gold.c", ROWS, note("gold.c", inputs={"silver.b": 0}))
    return made


@pytest.fixture
def go(lake, tmp_path, monkeypatch):
    """Run the demo on the lake as it is; return its result and what was trained."""
    monkeypatch.chdir(tmp_path)
    trained = []

    def train(arguments, output):
        trained.append(arguments)
        release = next(r for r in list_releases(lake.catalog) if r.name == arguments[arguments.index("--release") + 1])
        step = output / "checkpoints" / "step-00000001"
        step.mkdir(parents=True, exist_ok=True)
        (output / "checkpoints" / "latest").write_text(step.name)
        metadata = {"step": 1, "release": release.name, "loader": {"digest": release.digest[:32]}}
        (step / "checkpoint.json").write_text(json.dumps(metadata))

    monkeypatch.setattr(demo, "_flows", lambda lake: 0.0)
    # The demo gives Spark's memory back before it trains; the session of these tests is shared.
    monkeypatch.setattr(session, "stop", lambda: None)
    monkeypatch.setattr(demo, "_train", train)
    monkeypatch.setattr(demo, "_report", lambda *arguments: None)

    def run(*arguments):
        trained.clear()
        result = CliRunner().invoke(demo.command, list(arguments), obj=Context(lake.uri), standalone_mode=False)
        return result, [word for arguments in trained for word in arguments]

    return run


def option(words, name):
    return words[words.index(name) + 1]


def changed(lake, digest):
    write(lake, "gold.c", ROWS, note("gold.c", f"run-{digest}", digest=digest, inputs={"silver.b": 0}))


def test_other_content_is_another_release_in_another_folder(lake, go):
    first, words = go()
    assert first.exception is None
    assert (option(words, "--release"), option(words, "--output")) == ("demo", "runs/demo")
    assert "--resume" not in words
    _, words = go()
    assert (option(words, "--release"), option(words, "--output"), words[-1]) == ("demo", "runs/demo", "--resume")
    changed(lake, "two")
    second, words = go()
    assert second.exception is None
    assert (option(words, "--release"), option(words, "--output")) == ("demo-2", "runs/demo-2")
    assert "--resume" not in words
    _, words = go()
    assert (option(words, "--output"), words[-1]) == ("runs/demo-2", "--resume")


def test_a_folder_of_ones_own_is_not_shared_by_two_releases(lake, go, tmp_path):
    result, words = go("--output", "mine")
    assert result.exception is None
    assert option(words, "--output") == "mine"
    _, words = go("--output", "mine")
    assert "--resume" in words
    changed(lake, "two")
    result, words = go("--output", "mine")
    assert isinstance(result.exception, UsageError)
    assert "mine holds a run of the release demo " in str(result.exception)
    assert "demo-2" in str(result.exception)
    assert not words
    result, _ = go()
    assert result.exception is None


def test_commits_that_leave_the_rows_make_no_other_release(lake):
    release, made = demo._release(lake)
    assert (release.name, made) == ("demo", True)
    unchanged = {"changed": False, "inputs": {"silver.b": 0}}
    write(lake, "gold.c", ROWS.slice(0, 0), note("gold.c", "run-2", **unchanged))
    lake.catalog.open("gold.c").optimize.compact()
    append_rows(lake.catalog, tables.runs, tables.runs.schema.empty_table())
    # Landed and not mixed: a release made now would hold what was mixed.
    write(lake, "silver.b", ROWS, note("silver.b", "run-3", digest="more"))
    again, made = demo._release(lake)
    assert (again, made) == (release, False)
    assert len(list_releases(lake.catalog)) == 1


def test_rows_that_came_back_are_the_release_that_held_them(lake):
    demo._release(lake)
    changed(lake, "two")
    assert demo._release(lake)[0].name == "demo-2"
    changed(lake, str(Digest(len("gold.c"), 1)))
    assert demo._release(lake)[0].name == "demo"


def test_only_a_live_release_of_the_demos_own_is_taken(lake):
    create_release(lake.project, "demonstration")
    assert demo._release(lake)[0].name == "demo"
    drop_release(lake.catalog, "demo")
    assert demo._release(lake)[0].name == "demo-2"
