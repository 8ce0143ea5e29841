from __future__ import annotations

import queue
import sys
import threading
import time

import pytest

from lakehouse.declare.config import load_config
from lakehouse.errors import UsageError
from lakehouse.project import Project
from lakehouse.run.run import run
from lakehouse.run.watch import Watch, _unchanged_since, declared_files
from tests.lakehouse import words

WAIT = 60


class Watched:
    """A watch of a project in a thread."""

    def __init__(self, made, select=()):
        self.reports, self.errors, self.stopped = queue.Queue(), queue.Queue(), threading.Event()
        watch = Watch(
            load=lambda: Project(load_config(made.root).with_lake(str(made.root / "lake"))),
            run=lambda project: run(project, select),
            select=select,
            on_report=self.reports.put,
            on_error=self.errors.put,
            interval=0.05,
        )
        self.thread = threading.Thread(target=watch.until, args=(self.stopped,))
        self.thread.start()

    def done(self):
        """Return the status of each flow of the next run, by table."""
        return {result.writes: result.status for result in self.reports.get(timeout=WAIT).results}

    def stop(self):
        self.stopped.set()
        self.thread.join(WAIT)
        assert not self.thread.is_alive()


@pytest.fixture
def lines(project):
    return words.write(project)


@pytest.fixture
def watched(lines):
    made = Watched(lines)
    yield made
    made.stop()


def test_what_changes_outside_or_in_code_is_run(lines, watched):
    assert set(watched.done().values()) == {"done"}
    words.land(lines, "a:hello|b:two words|c:x|d:new")
    assert watched.done()["silver.shouts"] == "done"
    lines.module("flows", words.FLOWS.replace('MARK = "!"', 'MARK = "?"'))
    status = watched.done()
    assert (status["silver.shouts"], status["silver.words"]) == ("done", "fresh")
    assert {row["text"] for row in lines.rows("silver.shouts")} == {"HELLO?", "TWO WORDS?", "X?", "NEW?"}
    lines.sql("gold.counts", words.COUNTS.replace("count(*)", "count(*) + 1"))
    assert watched.done()["gold.counts"] == "done"
    assert watched.reports.empty()
    assert watched.errors.empty()


def test_an_error_of_a_declaration_is_reported_once_and_its_correction_is_run(lines, watched):
    watched.done()
    lines.module("flows", words.FLOWS.replace("def shout(batch, params):", "def shout(batch, params)"))
    error = watched.errors.get(timeout=WAIT)
    assert "SyntaxError" in str(error)
    lines.module("flows", words.FLOWS.replace('MARK = "!"', 'MARK = "."'))
    assert watched.done()["silver.shouts"] == "done"
    assert watched.errors.empty()


def test_a_flow_that_fails_is_run_again_after_a_change(lines):
    lines.module("flows", words.FLOWS.replace("text = loud(", "raise ValueError('not yet')\n    text = loud("))
    made = Watched(lines, ("silver.shouts", "bronze.lines"))
    try:
        assert made.done() == {"bronze.lines": "done", "silver.shouts": "failed"}
        lines.module("flows", words.FLOWS)
        assert made.done() == {"bronze.lines": "fresh", "silver.shouts": "done"}
    finally:
        made.stop()


def test_a_selection_of_nothing_is_refused_at_the_start(lines):
    watch = Watch(load=lambda: Project(load_config(lines.root)), run=run, select=("gold.nothing",))
    with pytest.raises(UsageError):
        watch.until(threading.Event())


def test_modules_the_files_beside_them_sql_and_configuration_are_watched(lines):
    (model,) = [path.with_name("model.bin") for path in lines.root.rglob("flows.py")]
    model.write_bytes(b"weights")
    project = Project(load_config(lines.root))
    states = declared_files(project)
    names = {name.rpartition("/")[2] for name in states}
    assert {"tables.py", "flows.py", "gold.counts.sql", "mixlake.yaml", "model.bin"} <= names
    assert not any("__pycache__" in name for name in states)
    model.write_bytes(b"other weights")
    assert declared_files(project) != states


def test_a_module_that_cannot_be_parsed_is_watched_further_and_what_changes_meanwhile_is_read(project):
    """A module without a package: its name is forgotten when it fails, its file is not."""
    (project.root / "alone.py").write_text(ALONE)
    config = project.root / "mixlake.yaml"
    config.write_text("modules: [alone]\nengine: embedded\nparams: {acme.alone: {mark: a}}\n")
    made = Watched(project)
    try:
        assert made.done() == {"acme.alone": "done"}
        (project.root / "alone.py").write_text(ALONE + "\ndef broken(:\n")
        assert "SyntaxError" in str(made.errors.get(timeout=WAIT))
        (project.root / "alone.py").write_text(ALONE.replace("params.mark", "params.mark * 2"))
        assert made.done() == {"acme.alone": "done"}
        assert [row["text"] for row in project.rows("acme.alone")] == ["aa"]
        config.write_text(config.read_text().replace("mark:", "marrk:"))
        assert "marrk" in str(made.errors.get(timeout=WAIT))
        config.write_text(config.read_text().replace("marrk: a", "mark: b"))
        assert made.done() == {"acme.alone": "done"}
        assert [row["text"] for row in project.rows("acme.alone")] == ["bb"]
        assert made.errors.empty()
    finally:
        made.stop()
        sys.modules.pop("alone", None)


ALONE = """
import dataclasses

import pyarrow as pa

from lakehouse import Column, Table, flow

alone = Table(
    "acme.alone",
    doc="A text.",
    columns=[Column("text", pa.string(), "Text.", nullable=False), Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)],
)


@dataclasses.dataclass(frozen=True)
class Params:
    mark: str = "x"


@flow(writes=alone, kind="landing", params=Params)
def land(params):
    return pa.table({"text": [params.mark]})
"""


def test_what_changes_while_it_is_read_is_read_again():
    began = time.time_ns() - 10**9
    states = {"before": (began - 10**9, 3), "meanwhile": (began + 5, 3), "ahead": (began + 10**12, 3)}
    assert _unchanged_since(began, states) == {**states, "meanwhile": (0, 0)}
